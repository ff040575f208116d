"""Shared INT8 models that are kept beside the artifacts of a run, in `exports/.int8/`: for the formats to come, and for
an export that was interrupted to go on from."""

from pathlib import Path

from edgeall.exporting import manifest
from edgeall.runs import Run

FOLDER = ".int8"


def name_of(key: str, method: str) -> str:
    """What artifacts and files call the model that a method made. `key`: of what it is made from."""
    return f"{key[:20]}-{method}"


def model_file(run: Run, key: str, method: str) -> Path:
    """Where that model is kept; what it answers lies beside it, as ".json"."""
    return run.exports / FOLDER / f"{name_of(key, method)}.npz"


def prune(run: Run) -> None:
    """Keep the models alone that artifacts are of; all of them while an INT8 artifact fails its gate."""
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
