"""One conversion step in a process of its own: `python -m edgeall.exporting.conversion_worker`.

The job is a JSON line on standard input.

Converters print hundreds of lines, hold gigabytes and sometimes crash, which a separate process isolates. Standard
input stays open while the parent lives; this process ends when it closes.
"""

import contextlib
import dataclasses
import errno
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import documents, files, runs
from edgeall.errors import EdgeallError
from edgeall.exporting import speed
from edgeall.exporting.exporter import exporter
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.source_models import INTERMEDIATES, VALIDATION, Sources
from edgeall.golden import answers, pictures
from edgeall.measuring import processor


def reference(
    run: runs.Run, sources: Sources, freeze_graph: bool, measure_noise: bool = False
) -> dict[str, Any]:
    """Step "reference": outputs of the Keras model, and its frozen graph."""
    from edgeall.exporting.source_models import write_reference

    noise = write_reference(run, sources, freeze_graph, measure_noise)
    return {"noise": None if noise is None else dataclasses.asdict(noise)}


def intermediate(name: str, run: runs.Run, sources: Sources) -> dict[str, Any]:
    """Steps "saved_model" and "onnx": the forms that formats are converted from."""
    INTERMEDIATES[name](sources)
    return {}


def convert(
    run: runs.Run, sources: Sources, recipe: dict[str, Any], calibration: str | None, out: str
) -> dict[str, Any]:
    """Step "convert": one bare model file."""
    target = Recipe.from_dict(recipe)
    images = None if calibration is None else Path(calibration)
    exporter(target.format).convert(sources, target, images, Path(out))
    return {}


def evaluate(
    run: runs.Run, sources: Sources, recipe: dict[str, Any], out: str, outputs: str, threads: int
) -> dict[str, Any]:
    """Step "evaluate": outputs of the bare model in its own engine, and operators that are left in float.

    `outputs`: an .npz to write, as `Sources.reference`. INT8 is evaluated on all sets, the others on validation images.
    Its golden answers are given at the same time.
    """
    target = Recipe.from_dict(recipe)
    sets = sources.sets if target.precision == "int8" else (VALIDATION,)
    with _opened(run, target, out, threads) as session:
        found = {
            name: session.predict(np.load(sources.images(name), mmap_mode="r", allow_pickle=False))
            for name in sets
        }
        drawn = pictures.pictures(answers.CANDIDATES, run.pixels.size)
        golden = answers.make(
            session.predict(drawn),
            run.pixels.size,
            target.precision,
            session.engine.name,
            session.engine.version,
            processor.described(),
        )
        executed = session.executed_precision()
    np.savez(outputs, allow_pickle=False, **found)
    left = executed.float_operators if target.precision == "int8" else {}
    return {
        "left_in_float": [f"{count} {kind}" for kind, count in sorted(left.items())],
        "golden": documents.plain(golden),
    }


def time(run: runs.Run, sources: Sources, recipes: list[dict[str, Any]], files: list[str]) -> dict[str, Any]:
    """Step "time": median processor seconds of one inference by file and round, on one thread, interleaved."""
    image = np.load(sources.images(), mmap_mode="r", allow_pickle=False)[:1]
    with contextlib.ExitStack() as stack:
        sessions = [
            stack.enter_context(_opened(run, Recipe.from_dict(recipe), file, threads=1))
            for recipe, file in zip(recipes, files, strict=True)
        ]
        return {"seconds": speed.time_interleaved([partial(session.predict, image) for session in sessions])}


def _opened(run: runs.Run, recipe: Recipe, file: str, threads: int) -> Any:
    from edgeall import runtimes

    return runtimes.open_model(
        Path(file),
        recipe.format,
        run.pixels,
        classes=len(run.decision.labels),
        threads=threads,
        precision=recipe.precision,
    )


def quantize(
    run: runs.Run, sources: Sources, material: dict[str, Any], method: str, truth: list[int]
) -> dict[str, Any]:
    """Step "quantize": the shared INT8 model by one method."""
    from edgeall.exporting import shared_int8

    inputs = documents.build(shared_int8.Int8Inputs, material)
    return {"seconds": shared_int8.make(run, sources, inputs, method, truth)}


def write(run: runs.Run, sources: Sources, recipe: dict[str, Any], model: str, out: str) -> dict[str, Any]:
    """Step "write": the shared INT8 model as one bare model file."""
    from edgeall.exporting import int8

    target = Recipe.from_dict(recipe)
    assert target.quantization is not None
    int8.write(int8.load(Path(model)), target.format, Path(out), target.quantization.boundary)
    return {}


def sensitivity(
    run: runs.Run, sources: Sources, calibration: str, weight_bits: int, out: str
) -> dict[str, Any]:
    """Step "sensitivity": the table and the plot of the quantization error by layer."""
    from edgeall.exporting import sensitivity_report

    sensitivity_report.write(run, Path(calibration), weight_bits, Path(out))
    return {}


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "reference": reference,
    **{name: partial(intermediate, name) for name in INTERMEDIATES},
    "convert": convert,
    "evaluate": evaluate,
    "time": time,
    "quantize": quantize,
    "write": write,
    "sensitivity": sensitivity,
}


def main() -> int:
    """Run the job and write its result, or an error for the user, to the file that the job names.

    An unexpected exception of a converter is recorded as a crash; its message is the last line that was printed.
    """
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run = runs.load(Path(job["run"]))
        sources = Sources(Path(job["folder"]), run.pixels)
        result = STEPS[job["step"]](run, sources, **job["arguments"])
    except EdgeallError as error:
        result = {"error": str(error)}
    except Exception as error:
        # A full disk or memory is not the converter's fault: without a result, this process counts as lost.
        if isinstance(error, MemoryError) or os.strerror(errno.ENOSPC) in str(error):
            raise
        traceback.print_exc()
        result = {"crashed": True}
    sys.stdout.flush()
    sys.stderr.flush()
    files.write_text(Path(job["result"]), json.dumps(result))
    return 0


def _end_with_parent() -> None:
    # Below Python's buffers, whose lock a waiting thread would hold when the process ends.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    try:
        status = main()
    except Exception:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of engines and of TensorFlow delay a regular exit, and nothing of theirs is needed any more.
    os._exit(status)
