"""Costs of an artifact. Times are in milliseconds, sizes in bytes."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from edgeall import formatting
from edgeall.results.checks import ABSENT, SOMETIMES, check_interval, check_limits
from edgeall.statistics import Estimate


@dataclass(frozen=True)
class Card:
    """An accelerator's hardware."""

    name: str
    driver: str | None = None
    memory_bytes: int | None = None
    compute_capability: str | None = field(default=None, metadata=SOMETIMES)

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "memory_bytes")

    def __str__(self) -> str:
        """ "NVIDIA A2 (15 GiB, driver 550.54.15)"."""
        details = (
            []
            if self.memory_bytes is None
            else [f"{formatting.significant(self.memory_bytes / 2**30, 2)} GiB"]
        )
        details += [] if self.driver is None else [f"driver {self.driver}"]
        return self.name + (f" ({', '.join(details)})" if details else "")


@dataclass(frozen=True)
class UsedAccelerator:
    """The engine's name of what computed in place of the processor, and which one of several."""

    provider: str
    device: int = 0


@dataclass(frozen=True, kw_only=True)
class Round:
    """Median of the runs of one round. Rounds of equal session and number were measured in turn."""

    session: int
    round: int
    n: int | None = None
    median: float

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "round")
        check_limits(self, 1e-9, math.inf, "median")


@dataclass(frozen=True, kw_only=True)
class MeasuredTimes:
    """Summary of n runs. A percentile is None, and above p90 absent, where too few runs support it."""

    n: int
    p50: float | None = None
    p90: float | None = None
    p95: float | None = field(default=None, metadata=SOMETIMES)
    p99: float | None = field(default=None, metadata=SOMETIMES)
    p99_9: float | None = field(default=None, metadata=SOMETIMES)
    mean: float | None = None
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "n", "p50", "p90")


@dataclass(frozen=True, kw_only=True)
class Latency(MeasuredTimes):
    """With every single run.

    Attributes:
        rounds: absent of batches.
        spread: (largest - smallest) / median of rounds' medians.
    """

    rounds: tuple[Round, ...] = field(default=(), metadata=SOMETIMES)
    spread: float | None = None
    raw: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.by_round) < len(self.rounds):
            raise ValueError("rounds has a round of a session twice")

    @property
    def by_round(self) -> dict[tuple[int, int], float]:
        """Medians by session and round."""
        return {(each.session, each.round): each.median for each in self.rounds}


@dataclass(frozen=True, kw_only=True)
class Copies:
    """An inference on an accelerator in its parts, timed in loops of their own; or the `reason` why not."""

    reason: str | None = field(default=None, metadata=SOMETIMES)
    copy_in: MeasuredTimes | None = field(default=None, metadata=SOMETIMES)
    compute: MeasuredTimes | None = field(default=None, metadata=SOMETIMES)
    copy_out: MeasuredTimes | None = field(default=None, metadata=SOMETIMES)


@dataclass(frozen=True)
class CardMemory:
    """Bytes on an accelerator, or the `reason` why they are not known."""

    bytes: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Of one inference, idle power included; or the `reason` why it is not known.

    Attributes:
        packages: of the processor, whose counters were read.
        source: what was measured, and by what; None in results of before there were several: then it is the
            processor's packages.
        readings: of power, where it was sampled.
    """

    joules_per_inference: float | None = None
    joules: float | None = None
    inferences: int | None = None
    seconds: float | None = None
    packages: tuple[str, ...] | None = None
    idle_subtracted: bool | None = None
    reason: str | None = None
    source: str | None = field(default=None, metadata=SOMETIMES)
    readings: int | None = field(default=None, metadata=SOMETIMES)


@dataclass(frozen=True, kw_only=True)
class Selftest:
    """Answers to the artifact's golden pictures before it was measured; or the `reason` why there were none.

    Attributes:
        difference: the largest from the golden answers, as a multiple of the artifact's tolerance.
    """

    difference: float | None = None
    milliseconds: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "difference", "milliseconds", of="selftest.")


@dataclass(frozen=True, kw_only=True)
class Thermal:
    """Temperatures in °C, absent of batches.

    Attributes:
        throttled: the processor was slowed down.
        hot: a measurement started hotter than the device's profile allows.
    """

    before_c: float | None = field(default=ABSENT, metadata=SOMETIMES)
    after_c: float | None = field(default=ABSENT, metadata=SOMETIMES)
    max_c: float | None = field(default=ABSENT, metadata=SOMETIMES)
    throttled: bool | None = None
    hot: bool | None = None


class Marked:
    """What was measured with marks of its quality."""

    thermal: Thermal | None

    @property
    def throttled(self) -> bool:
        """Whether the processor was slowed down while it was measured."""
        return self.thermal is not None and bool(self.thermal.throttled)

    @property
    def hot(self) -> bool:
        """Whether a measurement started hotter than the device's profile allows."""
        return self.thermal is not None and bool(self.thermal.hot)


@dataclass(frozen=True, kw_only=True)
class Batch(Marked):
    """Several images in one inference.

    Attributes:
        latency_ms: of the whole batch, copies included.
        throughput_per_s: images.
        difference: largest, of a score from that of the image alone.
    """

    batch: int
    latency_ms: Latency | None = None
    noisy: bool | None = None
    thermal: Thermal | None = None
    throughput_per_s: float | None = None
    copies_ms: Copies | None = None
    card_memory_bytes: int | None = None
    difference: float | None = None

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "batch", "throughput_per_s", "card_memory_bytes")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Instructions of each run, or the `reason` why there are none."""

    runs: tuple[int, ...] = field(default=(), metadata=SOMETIMES)
    reason: str | None = field(default=None, metadata=SOMETIMES)


@dataclass(frozen=True, kw_only=True)
class PublishedLatency:
    """A published latency that an estimate rests on.

    Attributes:
        leave_one_out_error: of estimating it from the others; 0.5 is half as long again.
    """

    model: str | None = None
    instructions: int | None = None
    latency_ms: float | None = None
    instructions_per_cycle: float | None = None
    leave_one_out_error: float
    source: str | None = None


@dataclass(frozen=True)
class Range:
    """Milliseconds."""

    low: float
    high: float

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "low")
        check_limits(self, self.low, math.inf, "high")


@dataclass(frozen=True, kw_only=True)
class LatencyEstimate:
    """A range of latency on a real board and what it rests on; or the `reason` why there is none.

    Attributes:
        confidence: of the range as a prediction interval.
        threads, clock_hz: of the board, as assumed.
        extrapolated: beyond the models that it is calibrated on.
    """

    reason: str | None = field(default=None, metadata=SOMETIMES)
    latency_kind: Literal["estimated"] | None = field(default=None, metadata=SOMETIMES)
    latency_ms: Range | None = field(default=None, metadata=SOMETIMES)
    confidence: float | None = field(default=None, metadata=SOMETIMES)
    method: str = field(default="", metadata=SOMETIMES)
    instructions: int | None = field(default=None, metadata=SOMETIMES)
    board: str = field(default="", metadata=SOMETIMES)
    clock_hz: float = field(default=0.0, metadata=SOMETIMES)
    threads: int = field(default=0, metadata=SOMETIMES)
    extrapolated: bool | None = field(default=None, metadata=SOMETIMES)
    calibration: tuple[PublishedLatency, ...] = field(default=(), metadata=SOMETIMES)

    def __post_init__(self) -> None:
        basis = self.latency_kind, self.method, self.board, self.threads, self.calibration
        if self.latency_ms is not None and not all(basis):
            raise ValueError("is an estimate without its basis")
        if self.latency_ms is not None and (self.clock_hz < 1 or self.extrapolated is None):
            raise ValueError(
                "is an estimate without the board's clock, or without whether it is extrapolated"
            )
        check_limits(self, 0, math.inf, "threads", "clock_hz", "instructions")


@dataclass(frozen=True)
class ToolRound:
    """edgeall and the tool in turn: median, least and number of their runs."""

    ours_ms: float
    tool_ms: float
    ours_min_ms: float
    tool_min_ms: float
    ours_n: int
    tool_n: int


@dataclass(frozen=True, kw_only=True)
class CrossCheck:
    """The engine's own benchmark tool on the same file, in turn with edgeall; or the `reason` why there is none.

    Attributes:
        tool: its name; None where there is none, and then nothing but `reason` is there.
        p50_ms, min_ms: the tool's: geometric mean of the rounds' medians, and the least of all runs, which other
            programs on the machine disturb least.
        ratio: of edgeall's rounds to the tool's.
        tolerance: a ratio above 1 by more than this is marked.
        within_tolerance: None where the interval has the limit inside.
    """

    tool: str | None
    reason: str | None = field(default=None, metadata=SOMETIMES)
    version: str | None = field(default=ABSENT, metadata=SOMETIMES)
    command: tuple[str, ...] = field(default=(), metadata=SOMETIMES)
    configuration: Any = field(default=ABSENT, metadata=SOMETIMES)
    p50_ms: float | None = field(default=None, metadata=SOMETIMES)
    ours_p50_ms: float | None = field(default=None, metadata=SOMETIMES)
    min_ms: float | None = field(default=None, metadata=SOMETIMES)
    ours_min_ms: float | None = field(default=None, metadata=SOMETIMES)
    ratio: Estimate | None = field(default=None, metadata=SOMETIMES)
    tolerance: float | None = field(default=None, metadata=SOMETIMES)
    within_tolerance: bool | None = field(default=ABSENT, metadata=SOMETIMES)
    rounds: tuple[ToolRound, ...] = field(default=(), metadata=SOMETIMES)

    def __post_init__(self) -> None:
        needed = ("reason",) if self.tool is None else ("p50_ms", "ours_p50_ms", "ratio", "tolerance")
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"{name} is missing")
        check_limits(self, 1e-9, math.inf, "p50_ms", "ours_p50_ms")
        check_limits(self, 0, 1, "tolerance")
        if self.ratio is not None:
            check_limits(self.ratio, 1e-9, math.inf, "value", of="ratio.")
            check_interval("ratio", self.ratio, 0, math.inf)

    @property
    def name(self) -> str:
        """ "benchmark_app 2026.4.1"; without a version where it is not known."""
        return f"{self.tool} {self.version}" if isinstance(self.version, str) else str(self.tool)
