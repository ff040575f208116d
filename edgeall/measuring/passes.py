"""What a worker process measures: accuracy, memory and latency, each in a process of its own.

Every pass takes the job, opens the artifact itself, and returns raw figures as JSON-ready data. No statistics here: a
device reports what it saw, the workstation draws conclusions.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from edgeall import artifact as artifacts
from edgeall.artifact import Artifact
from edgeall.errors import ArtifactError, ImageError, MeasurementError
from edgeall.measuring.plan import Order
from edgeall.pixels import ByteImage, read_image
from edgeall.runtimes import Session, open_session

MEMORY_RUNS = 5
"""Inferences of the memory pass: engines reserve what they need at the first and may grow at the next."""


def accuracy(order: Order) -> dict[str, Any]:
    """Class probabilities of every image, through the pixel path and engine that a field device uses.

    An image that cannot be read is named under "unreadable" and has None in its place.
    """
    opened, session = _open(order)
    with session:
        probabilities: list[list[float] | None] = []
        unreadable: dict[str, str] = {}
        for name, path in order.images:
            try:
                image = read_image(path, opened.metadata.pixels.size)
            except ImageError as error:
                unreadable[name] = str(error)
                probabilities.append(None)
            else:
                probabilities.append([float(p) for p in session.predict(image[None])[0]])
        executed = session.executed_precision()
        return {
            "names": [name for name, _ in order.images],
            "probabilities": probabilities,
            "unreadable": unreadable,
            "engine": _engine(session),
            "executed_precision": {
                "dominant": executed.dominant,
                "operators": executed.operators,
                "float_operators": executed.float_operators,
                "conversions": executed.conversions,
            },
        }


def memory(order: Order) -> dict[str, Any]:
    """Greatest resident memory of a process that loads the artifact and classifies a few images; nothing else."""
    opened, session = _open(order)
    with session:
        paths = list(_readable(order, opened, at_most=MEMORY_RUNS))
        for index in range(MEMORY_RUNS):
            _classify(session, opened, paths[index % len(paths)])
        return {"peak_rss_bytes": peak_rss()}


def latency(order: Order) -> dict[str, Any]:
    """Cold start, then steady state: model latency (tensor in, tensor out) and end to end (file -> verdict).

    Raw timings are nanoseconds, in the order in which they were taken. The cold start runs from the start of this
    process to its first verdict, the interpreter's and libraries' loading included; the files may be in the
    system's cache.
    """
    began = time.monotonic_ns()
    opened, session = _open(order)
    loaded = time.monotonic_ns()
    with session:
        first_inference, verdict = _first_verdict(session, opened, order)
        images = _readable(order, opened)
        paths, tensors = list(images), [session.prepare(image) for image in images.values()]
        model, end_to_end = session.infer, partial(_classify, session, opened)
        with _no_garbage_collection():
            _timed(model, tensors, order.warmup_runs, order.warmup_seconds, order.most_seconds)
            model_ns = _timed(model, tensors, order.least_runs, order.least_seconds, order.most_seconds)
            # The engine is warm by now; one run warms what comes before it.
            _timed(end_to_end, paths, order.warmup_runs, 0.0, order.most_seconds)
            whole_ns = _timed(end_to_end, paths, order.least_runs, order.least_seconds, order.most_seconds)
        return {
            "load_ns": loaded - began,
            "first_inference_ns": first_inference,
            "cold_start_ns": verdict - order.spawned_ns,
            "model_ns": model_ns,
            "end_to_end_ns": whole_ns,
            "inputs": len(paths),
            "engine": _engine(session),
        }


PASSES: dict[str, Callable[[Order], dict[str, Any]]] = {
    "accuracy": accuracy,
    "memory": memory,
    "latency": latency,
}


def peak_rss() -> int | None:
    """Greatest resident memory of this process so far, in bytes; None where the system does not tell.

    Linux's `VmHWM` belongs to this program alone; `ru_maxrss` also remembers what the process was before it became
    this program, so it serves only where there is nothing better (macOS, in bytes).
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _timed(
    run: Callable[[Any], Any],
    inputs: Sequence[Any],
    least_runs: int,
    least_seconds: float,
    most_seconds: float,
) -> list[int]:
    """Run over the inputs in turn until both minima are reached, or the most; nanoseconds of each run."""
    clock = time.perf_counter_ns
    timings: list[int] = []
    least, most = int(least_seconds * 1e9), int(most_seconds * 1e9)
    count = len(inputs)
    began = clock()
    while True:
        item = inputs[len(timings) % count]
        start = clock()
        run(item)
        end = clock()
        timings.append(end - start)
        spent = end - began
        if spent >= most or (spent >= least and len(timings) >= least_runs):
            return timings


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _open(order: Order) -> tuple[Artifact, Session]:
    opened = artifacts.read(Path(order.artifact))
    if opened.sha256 != order.sha256:
        raise ArtifactError(f"{order.artifact}: changed since the bench began; run it again")
    return opened, open_session(opened, threads=order.threads)


def _classify(session: Session, opened: Artifact, path: str) -> bool:
    """File on disk to verdict: whether it is positive."""
    return _verdict(session, opened, read_image(path, opened.metadata.pixels.size))


def _verdict(session: Session, opened: Artifact, image: ByteImage) -> bool:
    decision = opened.metadata.decision
    probabilities = session.predict(image[None])
    return float(probabilities[0, decision.positive_indices].sum()) >= decision.threshold


def _readable(order: Order, opened: Artifact, at_most: int | None = None) -> dict[str, ByteImage]:
    """The images that can be decoded, by path, in order; at least one."""
    images: dict[str, ByteImage] = {}
    for _, path in order.images:
        if len(images) == at_most:
            break
        try:
            images[path] = read_image(path, opened.metadata.pixels.size)
        except ImageError:
            continue
    if not images:
        raise _no_image(order)
    return images


def _first_verdict(session: Session, opened: Artifact, order: Order) -> tuple[int, int]:
    """Nanoseconds of the first inference alone, and the monotonic clock at the first verdict."""
    for _, path in order.images:
        try:
            image = read_image(path, opened.metadata.pixels.size)
        except ImageError:
            continue
        start = time.monotonic_ns()
        _verdict(session, opened, image)
        end = time.monotonic_ns()
        return end - start, end
    raise _no_image(order)


def _no_image(order: Order) -> MeasurementError:
    return MeasurementError(f"{order.artifact}: none of its {len(order.images)} test images can be read")


def _engine(session: Session) -> dict[str, str]:
    return {"name": session.engine.name, "version": session.engine.version}
