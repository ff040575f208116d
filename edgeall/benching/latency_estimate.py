"""What an emulated board's latency may be on a real one: a range, from instructions counted and figures published.

    latency = instructions / (threads x clock x instructions a cycle)

Instructions a cycle of the board come from published latencies of models whose instructions were counted in the same
way, as their geometric mean. Nothing in this knows of caches or of memory; the range says how rough that makes it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from edgeall.engines import ENGINES
from edgeall.results.costs import LatencyEstimate, PublishedLatency, Range

CONFIDENCE = 0.9
"""Of the prediction interval: as many new latencies are in it, if they scatter as the published ones do."""

REACH = 1.25
"""So many times beyond the smallest and largest published model an estimate is still one between them."""

METHOD = (
    "counted instructions at the instructions a cycle of published latencies of the board (geometric mean); a 90% "
    "prediction interval of their scatter, pooled over boards; caches and memory are not modelled"
)


@dataclass(frozen=True)
class PublishedBoard:
    """What stands behind an emulated processor: its usual clock in hertz, and its cores."""

    name: str
    clock_hz: float
    cores: int = 4


BOARDS = {
    "cortex-a72": PublishedBoard("Raspberry Pi 4", 1.5e9),
    "cortex-a76": PublishedBoard("Raspberry Pi 5", 2.4e9),
}
"""Clocks as Raspberry Pi's documentation gives them."""


@dataclass(frozen=True)
class Published:
    """A latency measured by others, and the instructions counted here for the same model with LiteRT's XNNPACK kernels.

    Attributes:
        processor: key into `BOARDS`; all its cores are taken to have worked.
        instructions: of one inference with one thread.
        latency_ms: as published.
    """

    processor: str
    model: str
    instructions: float
    latency_ms: float
    source: str

    @property
    def per_cycle(self) -> float:
        """Instructions a cycle of one core."""
        board = BOARDS[self.processor]
        return self.instructions / (self.latency_ms / 1e3 * board.clock_hz * board.cores)


_XNNPACK = "XNNPACK's README (github.com/google/XNNPACK), 2022: multi-threaded"
_ARM_COURSE = (
    "Arm, course 'ExecuTorch on Arm' (learn.arm.com/courses/executorch-on-arm): XNNPACK; threads not told"
)
_ARM_MODEL = "Arm, model card huggingface.co/Arm/resnet-50-int8-xnnpack-executorch: threads not told"

PUBLISHED = (
    Published("cortex-a72", "MobileNetV2 float32", 113.8e6, 46.0, _XNNPACK),
    Published("cortex-a72", "MobileNetV2 INT8", 110.7e6, 17.0, _XNNPACK),
    Published("cortex-a76", "MobileNetV2 float32", 113.8e6, 10.89, _ARM_COURSE),
    Published("cortex-a76", "MobileNetV2 INT8", 49.3e6, 4.01, _ARM_COURSE),
    Published("cortex-a76", "ResNet50 float32", 1328e6, 90.8, _ARM_MODEL),
    Published("cortex-a76", "ResNet50 INT8", 362e6, 20.64, _ARM_MODEL),
)
"""With one thread those of the Pi 5 would be 4.4 to 7.3 instructions a cycle, more than a Cortex-A76 decodes (4): their
threads are not told, but it was several. An InceptionV3 of ONNX Runtime (113 ms) has other kernels and is left out."""

KERNELS = "XNNPACK"
"""That computed the latencies of `PUBLISHED`."""


def estimate(processor: str | None, format: str, instructions: int | None) -> LatencyEstimate:
    """A latency's range for all of the board's cores at its usual clock, unthrottled; or why there is none.

    It is extrapolated where the model is smaller or larger than all whose latencies are published, by more than
    `REACH`.

    Args:
        processor: the emulated one, by its profile.
    """
    if processor is None:
        return LatencyEstimate(reason="no profile tells which processor is emulated")
    if instructions is None:
        return LatencyEstimate(reason="its instructions were not counted")
    known = [each for each in PUBLISHED if each.processor == processor]
    if not known:
        return LatencyEstimate(reason=f"no published latency of {processor} to calibrate on")
    if ENGINES[format].kernels != KERNELS:
        return LatencyEstimate(
            reason="no published latency of this engine to calibrate on; those known are of XNNPACK's kernels"
        )
    board = BOARDS[processor]
    middle = instructions / (_mean(known) * board.clock_hz * board.cores) * 1e3
    factor = spread(len(known))
    counts = [each.instructions for each in known]
    return LatencyEstimate(
        latency_kind="estimated",
        latency_ms=Range(middle / factor, middle * factor),
        confidence=CONFIDENCE,
        method=METHOD,
        instructions=instructions,
        board=board.name,
        clock_hz=board.clock_hz,
        threads=board.cores,
        extrapolated=not min(counts) / REACH <= instructions <= max(counts) * REACH,
        calibration=tuple(
            PublishedLatency(
                model=each.model,
                instructions=round(each.instructions),
                latency_ms=each.latency_ms,
                instructions_per_cycle=each.per_cycle,
                leave_one_out_error=leave_one_out(each),
                source=each.source,
            )
            for each in known
        ),
    )


def leave_one_out(one: Published) -> float:
    """How far the other published latencies of its board miss this one: 0.5 for half as long again, -0.5 for half."""
    others = [each for each in PUBLISHED if each.processor == one.processor and each is not one]
    return one.per_cycle / _mean(others) - 1


def spread(count: int) -> float:
    """The factor by which a latency may be more or less than estimated from `count` published ones.

    A prediction interval for one more value of a normal distribution, in logarithms; its variance is pooled over
    boards, because each has too few (Student's t with as many degrees of freedom as values less boards).
    """
    from scipy.stats import t

    squares, freedom = 0.0, 0
    for processor in BOARDS:
        logs = [math.log(each.per_cycle) for each in PUBLISHED if each.processor == processor]
        middle = sum(logs) / len(logs)
        squares += sum((value - middle) ** 2 for value in logs)
        freedom += len(logs) - 1
    deviation = math.sqrt(squares / freedom * (1 + 1 / count))
    return math.exp(float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * deviation)


def _mean(known: Iterable[Published]) -> float:
    """Instructions a cycle, the geometric mean."""
    logs = [math.log(each.per_cycle) for each in known]
    return math.exp(sum(logs) / len(logs))
