"""Make a sample of what one version of edgeall writes: `python tests/stability/make_samples.py CHECKOUT NAME`.

CHECKOUT is a checked-out commit. NAME is of the sample, `samples/NAME.tar.xz`. Its Python needs the workstation's
packages, and takes some ten minutes. A sample holds runs, artifacts, results and pictures, and `said.json`: what the
commands that read them answered then. Names of machines and folders are replaced by neutral ones.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tiny_journey

HERE = Path(__file__).resolve().parent
SAID = "said.json"
PICTURES = {
    "pictures/all.png": "all/UID_1_1_1_all.png",
    "pictures/hem.png": "hem/UID_H1_1_1_hem.png",
    "pictures/other.png": "all/UID_6_3_1_all.png",
}
MEMBERS = ("cells", "second")
"""Of the ensemble, which knows their models by SHA-256."""
KEPT = (
    "run.json",
    "predictions.csv",
    "ensemble.json",
    "pooled.json",
    "manifest.json",
    "laptop.json",
)
SEALED = (".tflite", ".onnx", ".xml", ".bin")
NEUTRAL = {"cpu": "Example CPU", "kernel": "Linux 6.1", "processor": "Example CPU (avx2)"}
"""Values of keys that name a machine."""


def make(name: str) -> None:
    """In an empty working folder, with the edgeall that is imported."""
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with tiny_journey.tiny_backbone():
        tiny_journey.train_cells()
        tiny_journey.export_cells()
        tiny_journey.bench("runs/cells")
        tiny_journey.kinds()
        tiny_journey.folds("cells", seed=0)
        tiny_journey.folds("again", seed=1)
        tiny_journey.ensemble()
        tiny_journey.edgeall("export", "runs/second", "--format", "onnx")
        tiny_journey.bench("runs/both")
        if tiny_journey.imports_fit():
            tiny_journey.brought()
    pack(name)


def pack(name: str) -> None:
    """Neutral documents, what is said of them, and the sample."""
    Path("pictures").mkdir()
    for picture, cell in PICTURES.items():
        shutil.copy(Path("cells", "fold_0", cell), picture)
    kept = sorted(path for path in Path("runs").rglob("*") if _kept(path))
    for path in kept:
        if path.suffix == ".json":
            path.write_text(
                json.dumps(_neutral(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8"
            )
    for model in Path("runs").rglob("model.keras"):
        if model.parent.name not in MEMBERS:
            model.write_bytes(b"not opened by what reads a run")
    Path(SAID).write_text(json.dumps([_said(words) for words in commands(kept)]), encoding="utf-8")
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    with tarfile.open(samples / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        for path in (*kept, *map(Path, PICTURES), Path("split.json"), Path(SAID)):
            archive.add(path, filter=_nameless)


def _nameless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    return entry.replace(uid=0, gid=0, uname="", gname="", mtime=0, mode=0o644, deep=False)


def _kept(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and (path.name in KEPT or path.suffix in SEALED or path.name == "model.keras")


def commands(kept: list[Path]) -> Iterator[list[str]]:
    """Command lines that read a sample."""
    for path in kept:
        if path.suffix in SEALED and path.suffix != ".bin":
            yield ["inspect", path.as_posix(), "--json"]
            yield ["classify", *PICTURES, "--model", path.as_posix(), "--json"]
    results = [f"runs/{run}/bench/laptop.json" for run in ("cells", "kinds", "both")]
    for result in results:
        yield ["report", result, "--json"]
    yield ["compare", results[0], results[2], "--json"]
    yield ["compare", "runs/cells", "runs/second", "runs/both", "--json"]
    yield ["compare", "runs/cells.folds", "runs/again.folds", "--json"]


def _said(words: list[str]) -> dict[str, Any]:
    from edgeall.cli.main import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(words)
    return {"words": words, "status": status, "documents": documents(out.getvalue())}


def documents(text: str) -> list[Any]:
    """JSON documents that a command printed one after the other."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


def _neutral(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _neutral(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_neutral(each, key) for each in value]
    if isinstance(value, str):
        if key in NEUTRAL:
            return NEUTRAL[key]
        # An absolute folder: images are wherever --data says.
        return re.sub(rf"{re.escape(str(Path.cwd()))}", "/home/user", value)
    return value


def _main(checkout: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        code = (
            f"import sys; sys.path.insert(0, {str(HERE)!r}); import make_samples; make_samples.make({name!r})"
        )
        environment = os.environ | {"PYTHONPATH": str(Path(checkout).resolve())}
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
