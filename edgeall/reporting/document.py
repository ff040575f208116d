"""Bench results as values: what table and verdict are made from. `edgeall.reporting.reading` makes them from JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from edgeall.artifact import GateOutcome
from edgeall.engines import ENGINES
from edgeall.statistics import Estimate

_PRECISIONS = {"int8": "INT8"}
FAILED_PARITY = " (failed parity)"
"""Follows the name of an artifact that failed its parity check, wherever it is named."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one kind. `p50` and `p90` are None where too few runs support them.

    Attributes:
        rounds: median by (session, round).
    """

    n: int
    p50: float | None
    p90: float | None
    rounds: dict[tuple[str, int], float]


@dataclass(frozen=True)
class VersusFloat:
    """Of an artifact beside the float32 one of its run and format, on the same images.

    Attributes:
        accuracy_delta_interval: None where every verdict is equal or there is one subject.
        class_agreement: share of images with an equal most probable class; None for two classes.
    """

    agreement: float
    accuracy_delta: float
    accuracy_delta_interval: tuple[float, float] | None
    p_value: float | None
    p_value_over_subjects: float | None
    class_agreement: Estimate | None = None


@dataclass(frozen=True)
class Gate:
    """What the export's gate found of an artifact, on n validation images (None: not told)."""

    outcome: GateOutcome
    n: int | None


@dataclass(frozen=True)
class Predictions:
    """Columns of equal length, one row an image. `scores` are None where a result does not record them."""

    images: tuple[str, ...]
    subjects: tuple[str | None, ...] | None
    truth: tuple[bool, ...]
    positive: tuple[bool, ...]
    scores: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Classes:
    """Of the most probable class, where there are more than two.

    Attributes:
        recalls: of each label: the share of its images that are given it; empty where a result does not tell.
    """

    accuracy: Estimate
    macro_f1: float
    recalls: tuple[tuple[str, Estimate | None], ...]


@dataclass(frozen=True)
class CrossCheck:
    """What an engine's own benchmark tool measured of the same file in turn with edgeall: medians in milliseconds.

    Attributes:
        tool: its name and version.
        ratio: edgeall's time to the tool's.
        tolerance: a ratio above 1 by more than this is marked.
    """

    tool: str
    tool_ms: float
    ours_ms: float
    ratio: Estimate
    tolerance: float


@dataclass(frozen=True)
class NoWitness:
    """Why no tool could measure an artifact beside edgeall."""

    reason: str


@dataclass(frozen=True)
class Cost:
    """What a batch takes; p50 of each figure in milliseconds. None is unknown or does not apply.

    Attributes:
        copy_in, compute, copy_out: an inference on an accelerator, in its parts.
        energy_mj: an image, of the whole processor package.
        marks: "noisy", "throttled", "hot", as of latencies.
    """

    batch: int
    p50: float | None
    per_second: float | None
    copy_in: float | None
    compute: float | None
    copy_out: float | None
    card_bytes: float | None
    energy_mj: float | None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guess:
    """A range of latency that was worked out for a real board, in milliseconds, and what it rests on.

    Attributes:
        threads, clock_hz: of the board, as assumed.
        extrapolated: beyond the models that it is calibrated on.
        errors: of each published latency when it is estimated from the others; 0.5 is half as long again.
    """

    low: float
    high: float
    board: str
    threads: int
    clock_hz: float
    method: str
    extrapolated: bool
    errors: tuple[float, ...]


@dataclass(frozen=True)
class Counts:
    """Instructions of an inference on an emulated board, and the latency they speak for.

    Attributes:
        reason: why there are no instructions; None where there are.
        unguessed: why there is no guess; None where there is one.
    """

    instructions: int | None
    reason: str | None
    guess: Guess | None
    unguessed: str | None


@dataclass(frozen=True)
class Result:
    """One artifact with one thread count on one device. None is unknown or undefined.

    Attributes:
        executed: precision that most operators ran in, as the engine tells.
        float_operators: operators of an INT8 artifact that computed in float, number by kind.
        kind: how the latency was come by; an emulator's is none.
        grouped_by: how the images were split: "subject", "image", or other words of the bench.
        throttled: the processor was slowed down while it was measured.
        hot: a measurement started hotter than the device's profile allows.
        short: fewer runs, seconds or rounds than comparable figures need.
        members: of an ensemble the artifacts that it is made of; empty for an artifact.
        accelerator: that computed it; None for the processor.
        costs: of batches, the smallest first; none where only single images on the processor were measured.
        cross_check: what the engine's own tool measured; None where it was not asked.
        counts: instructions, of an emulated board.
        sha256: of the artifact; None where a result does not tell.
        classes: None for two classes.
    """

    artifact: str
    run: str | None
    backbone: str
    format: str
    precision: str
    executed: str | None
    float_operators: dict[str, int]
    engine: str
    threads: int
    n: int
    clusters: int | None
    accuracy: Estimate
    accuracy_over_subjects: Estimate | None
    f1: Estimate | None
    auc: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    vs_float: VersusFloat | None
    latency: Latency | None
    end_to_end: Latency | None
    cold_start_ms: float | None
    peak_rss_bytes: float | None
    size_bytes: int
    kind: Literal["measured", "estimated", "emulated"]
    noisy: bool
    throttled: bool
    hot: bool
    short: bool
    parity: Gate | None
    weights: str | None
    grouped_by: str | None
    data: str | None
    predictions: Predictions | None
    members: tuple[str, ...] = ()
    cross_check: CrossCheck | NoWitness | None = None
    accelerator: str | None = None
    costs: tuple[Cost, ...] = ()
    counts: Counts | None = None
    sha256: str | None = None
    classes: Classes | None = None

    @property
    def failed_parity(self) -> bool:
        """Whether the artifact is known not to answer as the trained model does."""
        return self.parity is not None and self.parity.outcome == "failed"

    @property
    def unproven(self) -> bool:
        """Whether validation images do not show if the artifact answers as the trained model does."""
        return self.parity is not None and self.parity.outcome == "unproven"

    @property
    def estimated(self) -> bool:
        """Whether the latency was worked out, not measured."""
        return self.kind == "estimated"

    @property
    def accuracy_told(self) -> Estimate:
        """Accuracy with the interval that people are shown: over subjects where they are known.

        Images of one subject resemble each other, and an interval that counts each as independent claims too much.
        """
        return self.accuracy_over_subjects or self.accuracy

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What makes the same artifact, whatever its threads."""
        return self.backbone, self.format, self.precision, self.artifact


@dataclass(frozen=True)
class Failure:
    """Something that could not be measured.

    Attributes:
        artifact: its path as the bench shows it.
        sha256, kind, threads: of the artifact and the measurement; None where the artifact as a whole failed.
        line: what failed and why.
        follows: it was not even tried, because of another failure that is told too.
    """

    artifact: str
    sha256: str | None
    kind: str | None
    threads: int | None
    line: str
    follows: bool


@dataclass(frozen=True)
class Bench:
    """All results known of one device, in the order of table and verdict.

    Attributes:
        machine: what the device is, in words.
        failures: what could not be measured.
        documents: the JSON these results were read from.
    """

    device: str
    machine: str
    emulated: bool
    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    documents: tuple[dict[str, Any], ...]

    def family(self, result: Result) -> str:
        """What groups artifacts of one training: the backbone, or the run's name where a backbone has several."""
        return family(result, self.results)

    def name(self, result: Result) -> str:
        """An artifact in prose: "mobilenetv2 TFLite INT8"."""
        return f"{self.family(result)} {title(result.format, result.precision)}"

    def label(self, result: Result) -> str:
        """The same, marked where the artifact must not be used: "mobilenetv2 TFLite INT8 (failed parity)"."""
        return self.name(result) + (FAILED_PARITY if result.failed_parity else "")


def family(result: Result, among: Iterable[Result]) -> str:
    """The backbone of `result`, or its run's name where `among` has several runs of that backbone."""
    runs = {other.run for other in among if other.backbone == result.backbone}
    return result.backbone if len(runs) == 1 or result.run is None else result.run


def title(format: str, precision: str) -> str:
    """Format and precision in prose: "TFLite INT8"."""
    label = ENGINES[format].label if format in ENGINES else format
    return f"{label} {_PRECISIONS.get(precision, precision)}"
