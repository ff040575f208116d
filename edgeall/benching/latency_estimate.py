"""What an emulated board's latency may be on a real one: a range, from instructions counted and latencies published.

    latency = instructions / (threads x clock x instructions a cycle)

Instructions a cycle of the board come from published latencies of networks whose instructions were counted in the same
way, in the same precision, as their geometric mean. Nothing in this knows of caches or of memory. The range is as wide
as published latencies scatter; `benchmarks/results/latency-estimate.md` has the errors of leaving each network out.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeall.artifact import Precision
from edgeall.engines import ENGINES
from edgeall.results.costs import LatencyEstimate, PublishedLatency, Range

CONFIDENCE = 0.9
"""Of the prediction interval: as many new latencies are in it, if they scatter as the published ones do."""

REACH = 1.25
"""So many times beyond the smallest and largest published model an estimate is still one between them."""

METHOD = (
    "counted instructions at the instructions a cycle of the board's published latencies in this precision (geometric "
    "mean); a 90% prediction interval by the scatter of the board whose published latencies scatter most; caches and "
    "memory are not modelled"
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
    """A latency measured by others, and the instructions of the network, counted here with LiteRT's XNNPACK kernels.

    Attributes:
        processor: key into `BOARDS`; all its cores are taken to have worked.
        int8: INT8, or else float32.
        instructions: of one inference with one thread.
        latency_ms: as published.
    """

    processor: str
    network: str
    int8: bool
    instructions: float
    latency_ms: float
    source: str

    @property
    def model(self) -> str:
        """ "MobileNetV2 INT8"."""
        return f"{self.network} {'INT8' if self.int8 else 'float32'}"

    @property
    def per_cycle(self) -> float:
        """Instructions a cycle of one core."""
        board = BOARDS[self.processor]
        return self.instructions / (self.latency_ms / 1e3 * board.clock_hz * board.cores)


_XNNPACK = "XNNPACK's README (github.com/google/XNNPACK), 8 February 2022: multi-threaded, 64-bit"
_ARM_COURSE = "Arm, course learn.arm.com/courses/executorch-on-arm: XNNPACK, mean; threads not told"


def _arm(page: str) -> str:
    return f"Arm, {page}: XNNPACK, p50; threads not told"


_GOOGLENET = _arm(
    "developer.arm.com/ai/models/hugging-face/Arm/googlenet-int8-xnnpack-executorch-raspberrypi5"
)
_SQUEEZENET = _arm(
    "developer.arm.com/ai/models/hugging-face/Arm/squeezenet-1-0-int8-xnnpack-executorch-raspberrypi5"
)
_WIDE = _arm("huggingface.co/Arm/wideresnet50-int8-xnnpack-executorch-raspberrypi5") + ", with KleidiAI"
_RESNET18 = _arm("huggingface.co/Arm/resnet-18-int8-xnnpack-executorch")
_RESNET50 = _arm("huggingface.co/Arm/resnet-50-int8-xnnpack-executorch")

PUBLISHED = (
    Published("cortex-a72", "MobileNetV1", False, 210.5e6, 77.0, _XNNPACK),
    Published("cortex-a72", "MobileNetV2", False, 123.4e6, 46.0, _XNNPACK),
    Published("cortex-a72", "MobileNetV3Large", False, 94.0e6, 40.0, _XNNPACK),
    Published("cortex-a72", "MobileNetV3Small", False, 28.4e6, 15.0, _XNNPACK),
    Published("cortex-a72", "MobileNetV1", True, 174.6e6, 24.0, _XNNPACK),
    Published("cortex-a72", "MobileNetV2", True, 113.7e6, 17.0, _XNNPACK),
    Published("cortex-a76", "MobileNetV2", False, 120.5e6, 10.89, _ARM_COURSE),
    Published("cortex-a76", "SqueezeNet1.0", False, 327.1e6, 20.22, _SQUEEZENET),
    Published("cortex-a76", "GoogLeNet", False, 536.2e6, 90.77, _GOOGLENET),
    Published("cortex-a76", "WideResNet50-2", False, 7 * 578.3e6, 292.05, _WIDE),
    Published("cortex-a76", "MobileNetV2", True, 49.2e6, 4.01, _ARM_COURSE),
    Published("cortex-a76", "SqueezeNet1.0", True, 102.9e6, 5.09, _SQUEEZENET),
    Published("cortex-a76", "GoogLeNet", True, 147.3e6, 25.33, _GOOGLENET),
    Published("cortex-a76", "ResNet18", True, 172.8e6, 8.751, _RESNET18),
    Published("cortex-a76", "ResNet50", True, 380.4e6, 20.64, _RESNET50),
    Published("cortex-a76", "WideResNet50-2", True, 7 * 139.5e6, 49.43, _WIDE),
)
"""Counts are those of `benchmarks/published_networks.py`: of WideResNet50-2 on pictures of 32 rows, times 7 for 224.

Arm tells no threads. With one thread the latencies of all networks but GoogLeNet would be 4.6 instructions a cycle and
more, and a Cortex-A76 decodes 4, so it was several. GoogLeNet's can have been one. It stays among the others, because
nothing published tells; it widens the range. An InceptionV3 of ONNX Runtime (113 ms) has other kernels and is left out.
The float32 baselines of ResNet18 and ResNet50 are left out: their latency or kernels are not told."""

KERNELS = "XNNPACK"
"""That computed the latencies of `PUBLISHED`."""


def estimate(
    processor: str | None, format: str, precision: Precision, instructions: int | None
) -> LatencyEstimate:
    """A latency's range for all of the board's cores at its usual clock, unthrottled; or why there is none.

    It is extrapolated where the model is smaller or larger than all whose latencies are published, by more than
    `REACH`.

    Args:
        processor: the emulated one, by its profile.
        precision: of the artifact; float16 weights are computed with in float32.
    """
    if processor is None:
        return LatencyEstimate(reason="no profile tells which processor is emulated")
    if instructions is None:
        return LatencyEstimate(reason="its instructions were not counted")
    known = alike(processor, int8=precision == "int8")
    if not known:
        return LatencyEstimate(reason=f"no published latency of {processor} to calibrate on")
    if ENGINES[format].kernels != KERNELS:
        return LatencyEstimate(
            reason="no published latency of this engine to calibrate on; those known are of XNNPACK's kernels"
        )
    board = BOARDS[processor]
    middle = latency_ms(instructions, processor, known)
    factor = spread(PUBLISHED, len(known))
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


def alike(processor: str, *, int8: bool, among: Iterable[Published] = PUBLISHED) -> list[Published]:
    """Those of a board in a precision."""
    return [each for each in among if each.processor == processor and each.int8 == int8]


def latency_ms(instructions: float, processor: str, known: Sequence[Published]) -> float:
    """Milliseconds of so many instructions on all cores, at the mean instructions a cycle of `known`."""
    board = BOARDS[processor]
    return instructions / (_mean(known) * board.clock_hz * board.cores) * 1e3


def leave_one_out(one: Published, among: Iterable[Published] = PUBLISHED) -> float:
    """How far the other networks of its board and precision miss this one: 0.5 for half as long again, -0.5 half."""
    others = [
        each for each in alike(one.processor, int8=one.int8, among=among) if each.network != one.network
    ]
    return latency_ms(one.instructions, one.processor, others) / one.latency_ms - 1


def spread(among: Iterable[Published], count: int) -> float:
    """The factor by which a latency may be more or less than estimated from `count` published ones.

    A prediction interval for one more value of a normal distribution, in logarithms: that of the board whose latencies
    scatter most, for every board. Those of the Pi 4 are of MobileNets alone, and scatter less than other networks' do.
    """
    known = list(among)
    return max(_spread(processor, known, count) for processor in BOARDS)


def _spread(processor: str, among: Sequence[Published], count: int) -> float:
    """By a board's own scatter, pooled over precisions.

    Student's t has as many degrees of freedom as networks less one: a network's two precisions miss in the same
    direction, and are not counted twice.
    """
    from scipy.stats import t

    squares, points = 0.0, 0
    for int8 in (False, True):
        logs = [math.log(each.per_cycle) for each in alike(processor, int8=int8, among=among)]
        middle = sum(logs) / len(logs)
        squares += sum((value - middle) ** 2 for value in logs)
        points += len(logs) - 1
    deviation = math.sqrt(squares / points * (1 + 1 / count))
    freedom = len({each.network for each in among if each.processor == processor}) - 1
    return math.exp(float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * deviation)


def _mean(known: Sequence[Published]) -> float:
    """Instructions a cycle, the geometric mean."""
    return math.exp(sum(math.log(each.per_cycle) for each in known) / len(known))
