"""What a worker process measures: accuracy, memory and energy, latency, batches, answers to corrupted images.

Each is measured in a process of its own.

Every pass takes the job, opens the artifact itself, and returns raw figures as JSON-ready data. No statistics here: a
device reports what it saw, the workstation draws conclusions.
"""

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import artifact as artifacts
from edgeall import files
from edgeall.artifact import Artifact
from edgeall.errors import ArtifactError, ImageError, MeasurementError, UncheckableError
from edgeall.golden import checking
from edgeall.measuring import energy, nvidia
from edgeall.measuring.instructions import counted
from edgeall.measuring.plan import WorkerJob
from edgeall.measuring.timing import in_stages, no_garbage_collection, timed
from edgeall.pixels import ByteImage, Picture, read_image, read_picture
from edgeall.runtimes import Session, open_session
from edgeall.runtimes.onnx_providers import NVIDIAS

MEMORY_RUNS = 5
"""Inferences of the memory pass: engines reserve what they need at the first and may grow at the next."""

BATCH_RUNS = 3
"""Least runs of a larger batch in a round, each of which is of many images."""

BATCH_INPUTS = 2
"""Different inputs of a larger batch, which take turns; 256 pictures of 224 pixels take 154 MB."""

BATCH_DIFFERENCE = 0.01
"""Probabilities that an image gets in a batch and alone may differ by so much, by rounding in other kernels."""


def selftest(order: WorkerJob) -> dict[str, Any]:
    """Answers to the artifact's golden pictures; wrong ones, and an artifact without any, are an error."""
    opened, session = _open(order)
    with session:
        return {"engine": _engine(session), **_golden(checking.check(opened, session))}


def accuracy(order: WorkerJob) -> dict[str, Any]:
    """Class probabilities of every image, through the pixel path and engine that a field device uses.

    First the golden pictures: an artifact whose answers to them are wrong is not measured. An image that cannot be read
    is named under "unreadable" and has None in its place.
    """
    opened, session = _open(order)
    with session:
        try:
            answered = _golden(checking.check(opened, session))
        except UncheckableError as error:
            answered = {"difference": None, "milliseconds": None, "reason": _after_path(opened, error)}
        probabilities: list[list[float] | None] = []
        unreadable: dict[str, str] = {}
        for name, path in order.images:
            try:
                image = read_image(path, opened.metadata.pixels.resize)
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
            "placement": session.placement(),
            "card": _card(session),
            "selftest": answered,
            "executed_precision": {
                "dominant": executed.dominant,
                "operators": executed.operators,
                "float_operators": executed.float_operators,
                "conversions": executed.conversions,
            },
        }


def memory(order: WorkerJob) -> dict[str, Any]:
    """Greatest resident memory of a process that loads the artifact and classifies a few images; nothing else.

    After that is known, the energy of an inference; neither disturbs the other, nor the latency.
    """
    opened, session = _open(order)
    with session:
        paths = list(_readable(order, opened, at_most=MEMORY_RUNS))
        for index in range(MEMORY_RUNS):
            _classify(session, opened, paths[index % len(paths)])
        found = {"peak_rss_bytes": peak_rss(), "card_memory": _card_memory(session)}
        return found | {"energy": _energy(session, opened, order)}


def _energy(session: Session, opened: Artifact, order: WorkerJob) -> dict[str, Any]:
    """Joules while the processor does nothing but infer; see `edgeall.measuring.energy`."""
    if session.accelerator is not None:
        return energy.untold("energy counters tell of the processor, not of the accelerator")
    tensors = [session.prepare(image) for image in _readable(order, opened, at_most=MEMORY_RUNS).values()]

    def work(seconds: float) -> int:
        return len(timed(session.infer, tensors, 1, seconds, order.most_seconds))

    return energy.spent(work)


def latency(order: WorkerJob) -> dict[str, Any]:
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
        with no_garbage_collection():
            timed(model, tensors, order.warmup_runs, order.warmup_seconds, order.most_seconds)
            model_ns = timed(model, tensors, order.least_runs, order.least_seconds, order.most_seconds)
            stages = in_stages(session, tensors, order.least_runs, order.least_seconds, order.most_seconds)
            # The engine is warm by now; one run warms what comes before it.
            timed(end_to_end, paths, order.warmup_runs, 0.0, order.most_seconds)
            whole_ns = timed(end_to_end, paths, order.least_runs, order.least_seconds, order.most_seconds)
        return {
            "load_ns": loaded - began,
            "first_inference_ns": first_inference,
            "cold_start_ns": verdict - order.spawned_ns,
            "model_ns": model_ns,
            "end_to_end_ns": whole_ns,
            "inputs": len(paths),
            "engine": _engine(session),
            "stages": stages,
        }


def batch(order: WorkerJob) -> dict[str, Any]:
    """What a whole batch takes, tensor in, tensor out; first, that its images get the answers that they get alone.

    "batch_ns" are nanoseconds of each inference, of `order.batch` images.
    """
    opened, session = _open(order, batch=1)
    with session:
        images = np.stack(list(_readable(order, opened).values()))
        alone = session.predict(images)
    opened, session = _open(order, batch=order.batch)
    with session:
        difference = float(np.abs(session.predict(images) - alone).max())
        if difference > BATCH_DIFFERENCE:
            raise MeasurementError(
                f"in a batch of {order.batch} images get other answers than alone, by up to {difference:.3f}"
            )
        turns = range(BATCH_INPUTS if len(images) > 1 else 1)
        tensors = [session.stack(images[np.arange(turn, turn + order.batch) % len(images)]) for turn in turns]
        least_runs = max(BATCH_RUNS, math.ceil(order.least_runs / order.batch))
        with no_garbage_collection():
            timed(session.infer, tensors, order.warmup_runs, order.warmup_seconds, order.most_seconds)
            batch_ns = timed(session.infer, tensors, least_runs, order.least_seconds, order.most_seconds)
            stages = in_stages(session, tensors, least_runs, order.least_seconds, order.most_seconds)
        return {
            "batch_ns": batch_ns,
            "difference": difference,
            "stages": stages,
            "card_memory": _card_memory(session),
        }


def instructions(order: WorkerJob) -> dict[str, Any]:
    """How many instructions each of a few inferences takes, tensor in, tensor out."""
    opened, session = _open(order)
    with session:
        tensors = [session.prepare(image) for image in _readable(order, opened, at_most=1).values()]
        with no_garbage_collection():
            return {"instructions": counted(session.infer, tensors)}


def corruption(order: WorkerJob) -> dict[str, Any]:
    """Class probabilities of images after `order.change`, and whether the artifact's domain refuses them.

    Each image is changed at the square that the model reads. One that cannot be read is as in `accuracy`; it is not
    refused.
    """
    # Not loaded where memory and cold start are measured.
    from edgeall.domain import unlike
    from edgeall.shifts.corruptions import corrupted

    opened, session = _open(order)
    metadata = opened.metadata
    probabilities: list[list[float] | None] = []
    refused: list[bool] = []
    unreadable: dict[str, str] = {}
    with session:
        for name, path in order.images:
            try:
                picture = read_picture(path, metadata.pixels.resize)
            except ImageError as error:
                unreadable[name] = str(error)
                probabilities.append(None)
                refused.append(False)
                continue
            pixels = corrupted(picture.pixels, order.change, files.sha256_file(Path(path)))
            probabilities.append([float(p) for p in session.predict(pixels[None])[0]])
            changed = Picture(pixels, picture.size)
            refused.append(metadata.domain is not None and bool(unlike(metadata.domain, changed)))
        return {
            "names": [name for name, _ in order.images],
            "probabilities": probabilities,
            "unreadable": unreadable,
            "refused": None if metadata.domain is None else refused,
            "engine": _engine(session),
        }


def _golden(outcome: checking.Outcome) -> dict[str, Any]:
    return {"difference": outcome.difference, "milliseconds": outcome.milliseconds}


def _after_path(opened: Artifact, error: Exception) -> str:
    return str(error).removeprefix(f"{opened.path}: ")


def _card(session: Session) -> dict[str, Any] | None:
    """Name, memory and driver of what computes in the processor's place, as far as they are told."""
    place = session.accelerator
    if place is not None and place.provider in NVIDIAS:
        return nvidia.of_cuda(place.device)
    return session.card


def _card_memory(session: Session) -> dict[str, Any] | None:
    return None if session.accelerator is None else nvidia.memory_of_process()


PASSES: dict[str, Callable[[WorkerJob], dict[str, Any]]] = {
    "selftest": selftest,
    "accuracy": accuracy,
    "memory": memory,
    "latency": latency,
    "batch": batch,
    "instructions": instructions,
    "corruption": corruption,
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


def _open(order: WorkerJob, batch: int = 1) -> tuple[Artifact, Session]:
    opened = artifacts.read(Path(order.artifact))
    if opened.sha256 != order.sha256:
        raise ArtifactError(f"{order.artifact}: changed since the bench began; run it again")
    accelerator = order.accelerators.get(opened.metadata.format)
    return opened, open_session(opened, threads=order.threads, accelerator=accelerator, batch=batch)


def _classify(session: Session, opened: Artifact, path: str) -> bool:
    """File on disk to verdict: whether it is positive."""
    return _verdict(session, opened, read_image(path, opened.metadata.pixels.resize))


def _verdict(session: Session, opened: Artifact, image: ByteImage) -> bool:
    decision = opened.metadata.decision
    return bool(decision.scores(session.predict(image[None]))[0] >= decision.threshold)


def _readable(order: WorkerJob, opened: Artifact, at_most: int | None = None) -> dict[str, ByteImage]:
    """The images that can be decoded, by path, in order; at least one."""
    images: dict[str, ByteImage] = {}
    for _, path in order.images:
        if len(images) == at_most:
            break
        try:
            images[path] = read_image(path, opened.metadata.pixels.resize)
        except ImageError:
            continue
    if not images:
        raise _no_image(order)
    return images


def _first_verdict(session: Session, opened: Artifact, order: WorkerJob) -> tuple[int, int]:
    """Nanoseconds of the first inference alone, and the monotonic clock at the first verdict."""
    for _, path in order.images:
        try:
            image = read_image(path, opened.metadata.pixels.resize)
        except ImageError:
            continue
        start = time.monotonic_ns()
        _verdict(session, opened, image)
        end = time.monotonic_ns()
        return end - start, end
    raise _no_image(order)


def _no_image(order: WorkerJob) -> MeasurementError:
    return MeasurementError(f"{order.artifact}: none of its {len(order.images)} test images can be read")


def _engine(session: Session) -> dict[str, str]:
    return {"name": session.engine.name, "version": session.engine.version}
