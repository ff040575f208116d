"""Export workers that really do each step once a test session, and answer from its record when it is asked for again.

A step depends on the model, on what the run says of it, and on the files that it reads. Two steps that agree in these
are one, whichever run, test or process asks: copies of a run share what was made of it.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import warm_workers

from edgeall import files
from edgeall.artifact import files_of
from edgeall.errors import ExportError, WorkerLost
from edgeall.exporting import worker_pool
from edgeall.exporting.exporter import exporter
from edgeall.exporting.source_models import VALIDATION, Sources
from edgeall.runs import Run

Arguments = dict[str, Any]
_FORMS = {"saved_model": Sources.saved_model.fget, "onnx": Sources.onnx.fget}
_PLACES = (
    *("calibration", "training", "out", "outputs", "model", "files"),
    *("material", "folder", "key"),
)
"""Arguments that say where something lies. What lies there is in the key."""
_REALLY, _START = worker_pool.WorkerPool.run_step, worker_pool.WorkerPool._run_process


@dataclass(frozen=True)
class Step:
    """What a step depends on and what it makes.

    Attributes:
        reads: files or folders, by the names that its key gives them.
        writes: files or folders. One that it does not write is passed over.
        of_run: what it takes from the run.
    """

    reads: dict[str, Path]
    writes: list[Path]
    of_run: tuple[object, ...] = ()


def _reference(run: Run, sources: Sources, given: Arguments) -> Step:
    reads = {name: sources.images(name) for name in sources.sets} | {"model": run.model_path}
    writes = [sources.reference, *([sources.graph] if given["freeze_graph"] else [])]
    return Step(
        reads, writes, (run.pixels, (run.decision, run.metrics) if given.get("measure_noise") else ())
    )


def _derive(form: str) -> Callable[[Run, Sources, Arguments], Step]:
    return lambda run, sources, given: Step({"graph": sources.graph}, [_FORMS[form](sources)])


def _convert(run: Run, sources: Sources, given: Arguments) -> Step:
    reads = {form: _FORMS[form](sources) for form in exporter(given["recipe"]["format"]).NEEDS}
    if given["calibration"] is not None:
        reads["calibration"] = Path(given["calibration"])
    return Step(reads, _model_files(given["out"]), (run.pixels,))


def _evaluate(run: Run, sources: Sources, given: Arguments) -> Step:
    reads = {name: sources.images(name) for name in sources.sets}
    reads |= {file.suffix: file for file in files_of(Path(given["out"]))}
    return Step(reads, [Path(given["outputs"])], (run.pixels, len(run.decision.labels)))


def _quantize(run: Run, sources: Sources, given: Arguments) -> Step:
    material = given["material"]
    reads = {
        "model": run.model_path,
        VALIDATION: sources.images(),
        "calibration": Path(material["calibration"]),
    }
    if material["training"] is not None:
        reads["training"] = Path(material["training"])
    model = Path(material["folder"]) / f"{material['key'][:20]}-{given['method']}.npz"
    return Step(reads, [model, model.with_suffix(".json")], (run.pixels, run.calibration))


def _write(run: Run, sources: Sources, given: Arguments) -> Step:
    return Step({"model": Path(given["model"])}, _model_files(given["out"]))


def _time(run: Run, sources: Sources, given: Arguments) -> Step:
    models = (path for file in given["files"] for path in files_of(Path(file)))
    reads = {str(place): path for place, path in enumerate(models)} | {VALIDATION: sources.images()}
    return Step(reads, [], (run.pixels, len(run.decision.labels)))


STEPS: dict[str, Callable[[Run, Sources, Arguments], Step]] = {
    "reference": _reference,
    "saved_model": _derive("saved_model"),
    "onnx": _derive("onnx"),
    "convert": _convert,
    "evaluate": _evaluate,
    "quantize": _quantize,
    "write": _write,
    "time": _time,
}
"""What is recorded. The sensitivity report is made each time."""


@contextmanager
def recorded(records: Path, *, really: Collection[str] = ()) -> Iterator[None]:
    """Until the block ends, worker pools of this process answer from `records`, a folder that processes share.

    `really`: steps that are done each time, by workers that are started as an export starts them.
    """

    def run_step(
        pool: worker_pool.WorkerPool,
        step: str,
        run: Run,
        folder: Path,
        *,
        alone: bool = False,
        **given: Any,
    ) -> tuple[dict[str, Any], float]:
        known = step in STEPS and step not in really
        about = STEPS[step](run, Sources(folder, run.pixels), given) if known else None
        # What an earlier export kept is for the worker itself to take over.
        if about is None or any(path.exists() for path in about.writes):
            return _REALLY(pool, step, run, folder, alone=alone, **given)
        record = records / _key(step, given, about)
        with files.alone(record.with_suffix(".lock"), lambda: None):
            if not record.is_dir():
                _make(record, about, lambda: _REALLY(pool, step, run, folder, alone=alone, **given))
            return _replay(record, about)

    def run_process(
        pool: worker_pool.WorkerPool, job: dict[str, Any], scratch: str, threads: int
    ) -> tuple[int, str]:
        start = warm_workers.work if warm_workers.AT_HAND and job["step"] not in really else _START
        return start(pool, job, scratch, threads)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_pool.WorkerPool, "run_step", run_step)
        patch.setattr(worker_pool.WorkerPool, "_run_process", run_process)
        yield


def _make(record: Path, about: Step, really: Callable[[], tuple[dict[str, Any], float]]) -> None:
    """Do the step and keep what it answered, if only that it failed. A lost worker leaves no record."""
    kept: dict[str, Any]
    try:
        document, seconds = really()
        kept = {"document": document, "seconds": seconds}
    except WorkerLost:
        raise
    except ExportError as error:
        kept = {"error": str(error), "notes": getattr(error, "__notes__", [])}
    with files.replacing_folder(record) as folder:
        (folder / "answer.json").write_text(json.dumps(kept), encoding="utf-8")
        for index, path in enumerate(about.writes):
            _copy(path, folder / str(index))


def _replay(record: Path, about: Step) -> tuple[dict[str, Any], float]:
    kept = json.loads((record / "answer.json").read_text(encoding="utf-8"))
    for index, path in enumerate(about.writes):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _copy(record / str(index), path)
    if "error" in kept:
        error = ExportError(kept["error"])
        for note in kept["notes"]:
            error.add_note(note)
        raise error
    return kept["document"], kept["seconds"]


def _key(step: str, given: Arguments, about: Step) -> str:
    material = given.get("material", {})
    whole = {
        "step": step,
        "run": repr(about.of_run),
        "reads": {name: _digest(path) for name, path in about.reads.items()},
        "given": {name: value for name, value in (given | material).items() if name not in _PLACES},
    }
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return f"{step}-{digest[:20]}"


def _digest(path: Path) -> str:
    if path.is_dir():
        return " ".join(_digest(file) for file in sorted(path.rglob("*")) if file.is_file())
    return files.sha256_file(path)


def _model_files(out: str) -> list[Path]:
    path = Path(out)
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def _copy(source: Path, place: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, place)
    elif source.exists():
        shutil.copyfile(source, place)
