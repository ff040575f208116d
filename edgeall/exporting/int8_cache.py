"""Cache of a run's shared INT8 models, in `exports/.int8/`: for other formats, and to resume an interrupted export."""

from pathlib import Path

from edgeall.exporting import manifest
from edgeall.runs import Run

FOLDER = ".int8"


def name_of(key: str, method: str) -> str:
    """Name of the model that a method made, in artifacts and file names. `key`: its cache key."""
    return f"{key[:20]}-{method}"


def model_file(run: Run, key: str, method: str) -> Path:
    """The model's file. A .json file beside it has its simulated outputs."""
    return run.exports / FOLDER / f"{name_of(key, method)}.npz"


def prune(run: Run) -> None:
    """Delete models that no artifact uses. While an INT8 artifact fails its gate, all stay."""
    entries = manifest.read(run).values()
    folder = run.exports / FOLDER
    if not folder.is_dir() or any(
        each.parity.word == "failed" for each in entries if each.precision == "int8"
    ):
        return
    named = {each.shared for each in entries}
    for file in folder.iterdir():
        if file.stem not in named:
            file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
