"""Speed of INT8 relative to float32: processor time of both in their engine, interleaved, on one thread.

It depends on this machine, so that it is stored in the manifest and not in the artifact. `edgeall bench` measures the
latency of devices; this only shows whether INT8 is faster than float32 on this processor.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgeall import artifact
from edgeall.artifact import Format
from edgeall.errors import ArtifactError
from edgeall.exporting import manifest
from edgeall.exporting.attempts import Speed
from edgeall.measuring.processor import cpu_model, features
from edgeall.runs import Run
from edgeall.statistics import ratio_over_rounds

_ROUNDS = 12
_ROUND_SECONDS = 0.03
"""Processor time of one model's inferences in one round, at least."""
_MOST_RUNS = 8


def time_interleaved(models: Sequence[Callable[[], object]]) -> list[list[float]]:
    """Median processor seconds of one inference by model and round; each round runs all models, in rotated order."""
    runs = []
    for run in models:
        run()
        took = _clocked(run)
        runs.append(int(np.clip(_ROUND_SECONDS / max(took, 1e-6), 1, _MOST_RUNS)))
    found: list[list[float]] = [[] for _ in models]
    for turn in range(_ROUNDS):
        for place in range(len(models)):
            which = (place + turn) % len(models)
            found[which].append(float(np.median([_clocked(models[which]) for _ in range(runs[which])])))
    return found


def _clocked(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def relative_speed(int8: Sequence[float], float32: Sequence[float], processor: str) -> Speed | None:
    """The speed of INT8 from what `interleaved` measured of it and of float32."""
    ratio = ratio_over_rounds(int8, float32)
    if ratio is None:
        return None
    milliseconds = 1000 * float(np.median(int8))
    return Speed(ratio.value, ratio.low, ratio.high, processor, round(milliseconds, 4))


def processor() -> str:
    """Name of this machine's processor, with its INT8 dot-product instructions."""
    known = [flag for flag in features() if "vnni" in flag or flag in ("amx_int8", "asimddp", "i8mm")]
    return f"{cpu_model() or 'unknown processor'} ({', '.join(known) or 'no INT8 dot product'})"


def float32_artifact(run: Run, format: Format, model: str) -> Path | None:
    """The run's float32 artifact of a format; None if there is none of the Keras file with SHA-256 `model`."""
    for entry in manifest.read(run).values():
        if (entry.format, entry.precision) == (format, "float32") and entry.path.is_file():
            # A damaged artifact is not timed.
            with contextlib.suppress(ArtifactError):
                if artifact.read(entry.path).metadata.provenance.model_sha256 == model:
                    return entry.path
    return None
