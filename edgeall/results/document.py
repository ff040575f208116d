"""Bench results as they stand in `bench/<device>.json`: fields are its keys, in its order.

A field without a default has been in every result since schema 1; any other may be missing in older ones.
Times are in milliseconds, sizes in bytes, shares in [0, 1]. None is unknown, undefined, or does not apply.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET

from edgeall import formatting
from edgeall.artifact import Parity
from edgeall.statistics import Estimate, Referral

SCHEMA = 1
FAILED_PARITY = " (failed parity)"
"""Follows the name of an artifact that failed its parity check, wherever it is named."""

LatencyKind = Literal["measured", "estimated", "emulated"]
_FORMATS = {"tflite": "TFLite", "onnx": "ONNX", "openvino": "OpenVINO"}
_PRECISIONS = {"int8": "INT8"}
_SPLITS = {
    "subject": "split by subject",
    "image": "split by image: optimistic",
    "other": "another data set than the run's",
    "unknown": "not known to be held out: may be optimistic",
}
SPLITS = tuple(_SPLITS)
"""How test images may be set apart from those that trained the model."""
_ROUNDED = 1e-6
_MOST_SCORE = 1.001
"""A sum of probabilities in float16 or INT8 may exceed 1 by this much."""

ABSENT: Any = UNSET
"""Default of a key that may be missing and may be null. Only keys that nothing but the file reads have it."""


SOMETIMES = {"sometimes": True}
"""Metadata of a field that is left out of the JSON while it has its default; "key" where that is no Python name."""


@dataclass(frozen=True)
class Card:
    """An accelerator's hardware."""

    name: str
    driver: str | None = None
    memory_bytes: int | None = None
    compute_capability: str | None = field(default=None, metadata=SOMETIMES)

    def __post_init__(self) -> None:
        _limit(self, 0, math.inf, "memory_bytes")

    def __str__(self) -> str:
        """ "NVIDIA A2 (15 GiB, driver 550.54.15)"."""
        details = (
            []
            if self.memory_bytes is None
            else [f"{formatting.significant(self.memory_bytes / 2**30, 2)} GiB"]
        )
        details += [] if self.driver is None else [f"driver {self.driver}"]
        return self.name + (f" ({', '.join(details)})" if details else "")


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device and how it identified itself.

    Attributes:
        cards: accelerators that computed at least one of the results.
    """

    name: str
    model: str | None = None
    cpu: str | None = None
    emulated: bool
    emulation_signs: tuple[str, ...] = ()
    raspberry_pi: bool | None = None
    cores: int | None = None
    architecture: str | None = None
    system: str | None = None
    cards: tuple[Card, ...] | None = None

    @property
    def machine(self) -> str:
        """ "Example CPU @ 2.10GHz, 2 cores", accelerators first; "" where nothing is known."""
        cores = None if self.cores is None else f"{self.cores} core{'s'[: self.cores != 1]}"
        known = [part for part in (self.model, self.cpu, cores, self.system) if part is not None]
        return ", ".join([*map(str, self.cards or ()), *known])


@dataclass(frozen=True)
class Environment:
    """State of the machine before and after, as `edgeall.measuring.environment` reads it."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Engine:
    """A runtime library."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Accelerator:
    """The engine's name of what computed in place of the processor, and which one of several."""

    provider: str
    device: int = 0


@dataclass(frozen=True)
class Split:
    """`grouped_by`: one of `SPLITS`."""

    grouped_by: str


@dataclass(frozen=True, kw_only=True)
class Macro:
    """Unweighted means over classes."""

    precision: float | None = None
    recall: float | None = None
    f1: float
    auc: float | None = None

    def __post_init__(self) -> None:
        _limit(self, 0, 1, "f1")


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Of the most probable class, where there are more than two.

    Attributes:
        recall_by_class: by label the share of its images with that most probable class.
        confusion: rows are true classes.
    """

    labels: tuple[str, ...] = ()
    recall_by_class: dict[str, Estimate | None] | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    accuracy: Estimate
    macro: Macro

    def __post_init__(self) -> None:
        _share("accuracy", self.accuracy)
        for label, recall in (self.recall_by_class or {}).items():
            _share(f"recall_by_class.{label}", recall)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Columns of equal length, one row an image.

    Attributes:
        images: SHA-256 of each file: two data sets may use one name for different images.
        truth, positive: whether there is a finding, and whether the artifact reports one.
        scores: probability of a finding.
    """

    images: tuple[str, ...]
    names: tuple[str, ...] | None = None
    subjects: tuple[str | None, ...] | None = None
    truth: tuple[bool, ...]
    positive: tuple[bool, ...]
    scores: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        columns = (self.images, self.names, self.subjects, self.truth, self.positive, self.scores)
        if len({len(column) for column in columns if column is not None}) != 1:
            raise ValueError("its columns are of different lengths")
        for index, score in enumerate(self.scores or ()):
            if not 0 <= score <= _MOST_SCORE:
                raise ValueError(f"scores[{index}] is {score:g}, not from 0 to {_MOST_SCORE:g}")


@dataclass(frozen=True)
class Ends:
    """Of a 95% interval."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class AucDelta:
    """AUC less that of the float32 artifact; `p_value` of DeLong's test, None where subjects are known."""

    value: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, kw_only=True)
class VersusFloat:
    """Of an artifact beside the float32 one of its run and format, on the same images.

    Attributes:
        agreement: share of equal verdicts.
        accuracy_delta_interval: without ends where every verdict is equal or there is one subject.
        p_value: of McNemar's exact test.
        only_a, only_b: images that float32 alone, and this artifact alone, has right.
        class_agreement: share of images with an equal most probable class; None for two classes.
        latency_ratio, end_to_end_ratio: its time over that of float32; absent where an emulator ran them.
    """

    n: int | None = None
    agreement: float
    accuracy_delta: float
    p_value: float | None = None
    p_value_over_subjects: float | None = None
    only_a: int | None = None
    only_b: int | None = None
    agreement_interval: Ends | None = None
    accuracy_delta_interval: Ends | None = None
    auc_delta: AucDelta | None = None
    class_agreement: Estimate | None = None
    latency_ratio: Estimate | None = field(default=ABSENT, metadata=SOMETIMES)
    end_to_end_ratio: Estimate | None = field(default=ABSENT, metadata=SOMETIMES)

    def __post_init__(self) -> None:
        _limit(self, 0, 1, "agreement", "p_value", "p_value_over_subjects")
        _limit(self, -1, 1, "accuracy_delta")
        _share("class_agreement", self.class_agreement)

    @property
    def delta(self) -> Estimate:
        """Accuracy less that of float32; with both ends or none."""
        ends = self.accuracy_delta_interval
        if ends is None or ends.low is None or ends.high is None:
            return Estimate(self.accuracy_delta, None, None)
        return Estimate(self.accuracy_delta, ends.low, ends.high)

    @property
    def best_p_value(self) -> float | None:
        """Over subjects where they are known."""
        return self.p_value if self.p_value_over_subjects is None else self.p_value_over_subjects


@dataclass(frozen=True, kw_only=True)
class Round:
    """Median of the runs of one round. Rounds of equal session and number were measured in turn."""

    session: int
    round: int
    n: int | None = None
    median: float

    def __post_init__(self) -> None:
        _limit(self, 0, math.inf, "round")
        _limit(self, 1e-9, math.inf, "median")


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Summary of n runs. A percentile is None, and above p90 absent, where too few runs support it."""

    n: int
    p50: float | None = None
    p90: float | None = None
    p95: float | None = field(default=None, metadata=SOMETIMES)
    p99: float | None = field(default=None, metadata=SOMETIMES)
    p99_9: float | None = field(default=None, metadata={**SOMETIMES, "key": "p99.9"})
    mean: float | None = None
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        _limit(self, 0, math.inf, "n", "p50", "p90")


@dataclass(frozen=True, kw_only=True)
class Latency(Timings):
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
    copy_in: Timings | None = field(default=None, metadata=SOMETIMES)
    compute: Timings | None = field(default=None, metadata=SOMETIMES)
    copy_out: Timings | None = field(default=None, metadata=SOMETIMES)


@dataclass(frozen=True)
class CardMemory:
    """Bytes on an accelerator, or the `reason` why they are not known."""

    bytes: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Of the whole processor package, idle power included; or the `reason` why it is not known."""

    joules_per_inference: float | None = None
    joules: float | None = None
    inferences: int | None = None
    seconds: float | None = None
    packages: tuple[str, ...] | None = None
    idle_subtracted: bool | None = None
    reason: str | None = None


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


class _Measured:
    """Marks beside a time that tell how far to believe it."""

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
class Batch(_Measured):
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
        _limit(self, 0, math.inf, "batch", "throughput_per_s", "card_memory_bytes")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How it was measured. `obeys_rules`: with the runs, seconds and rounds that comparable figures need."""

    rounds: int | None = None
    warmup_runs: int | None = None
    warmup_seconds: float | None = None
    min_runs: int | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    obeys_rules: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Instructions of each run, or the `reason` why there are none."""

    runs: tuple[int, ...] = field(default=(), metadata=SOMETIMES)
    reason: str | None = field(default=None, metadata=SOMETIMES)


@dataclass(frozen=True, kw_only=True)
class Calibration:
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
        _limit(self, 0, math.inf, "low")
        _limit(self, self.low, math.inf, "high")


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
    calibration: tuple[Calibration, ...] = field(default=(), metadata=SOMETIMES)

    def __post_init__(self) -> None:
        basis = self.latency_kind, self.method, self.board, self.threads, self.calibration
        if self.latency_ms is not None and not all(basis):
            raise ValueError("is an estimate without its basis")
        _limit(self, 0, math.inf, "threads", "clock_hz", "instructions")


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
        _limit(self, 1e-9, math.inf, "p50_ms", "ours_p50_ms")
        _limit(self, 0, 1, "tolerance")
        if self.ratio is not None:
            _limit(self.ratio, 1e-9, math.inf, "value", of="ratio.")
            _interval("ratio", self.ratio, 0, math.inf)

    @property
    def name(self) -> str:
        """ "benchmark_app 2026.4.1"; without a version where it is not known."""
        return f"{self.tool} {self.version}" if isinstance(self.version, str) else str(self.tool)


@dataclass(frozen=True, kw_only=True)
class Result(_Measured):
    """One artifact with one thread count on one device.

    Attributes:
        artifact: its path as the bench shows it.
        weights: what training started from, in words.
        executed_precision: of most operators, as the engine reports it; the next two are operators by precision, and
            operators that computed in float by kind.
        placement: operators by the engine's name of where they ran.
        accuracy_threads: of the inference that accuracy was measured with.
        n, clusters: test images, and subjects among them; None where subjects are not known.
        accuracy_over_subjects: `accuracy` where subjects are known. In results of older versions `accuracy` counts
            images; and so for the next two.
        intervals: by figure the method of its interval.
        data: name of the layout of the test images.
        grouped_by: `split.grouped_by` in words.
        unreadable: by image why it was left out.
        emulation_wall_ms, emulation_rss_bytes: of the emulator's process on its host: nothing of the device.
        members: artifacts that an ensemble is made of; its costs are sums of theirs.
        measured_at: ISO 8601, of the last session.
    """

    artifact: str
    sha256: str | None = None
    run: str | None = None
    backbone: str
    head: str | None = None
    weights: str | None = None
    format: str
    precision: str
    executed_precision: str | None = None
    executed_operators: dict[str, int] | None = None
    float_operators: dict[str, int] | None = None
    engine: Engine
    accelerator: Accelerator | None = None
    placement: dict[str, int | None] | None = None
    card: Card | None = None
    threads: int
    accuracy_threads: int | None = None

    n: int
    clusters: int | None = None
    threshold: float | None = None
    confusion: dict[str, int] | None = None
    accuracy: Estimate
    balanced_accuracy: Estimate | None = None
    ppv: Estimate | None = None
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None
    f1: Estimate | None = None
    auc: Estimate | None = None
    average_precision: Estimate | None = None
    mcc: Estimate | None = None
    brier: Estimate | None = None
    ece: float | None = None
    classes: Classes | None = None
    referral: Referral | None = None
    accuracy_over_subjects: Estimate | None = None
    sensitivity_over_subjects: Estimate | None = None
    specificity_over_subjects: Estimate | None = None
    intervals: dict[str, str] | None = None
    data: str | None = None
    grouped_by: str | None = None
    split: Split | None = None
    unreadable: dict[str, str] | None = None
    predictions: Predictions | None = None
    parity: Parity | None = None
    vs_float: VersusFloat | None = None

    latency_kind: LatencyKind
    latency_ms: Latency | None = None
    end_to_end_ms: Latency | None = None
    cold_start_ms: float | None = None
    cold_starts_ms: tuple[float, ...] | None = field(default=None, metadata=SOMETIMES)
    load_ms: float | None = field(default=None, metadata=SOMETIMES)
    first_inference_ms: float | None = field(default=None, metadata=SOMETIMES)
    throughput_per_s: float | None = None
    noisy: bool | None = None
    emulation_wall_ms: float | None = field(default=ABSENT, metadata=SOMETIMES)
    peak_rss_bytes: int | None = None
    emulation_rss_bytes: int | None = None
    energy_mj: float | None = None
    energy: Energy | None = None
    card_memory_bytes: int | None = None
    card_memory: CardMemory | None = None
    copies_ms: Copies | None = None
    batches: tuple[Batch, ...] | None = None
    size_bytes: int
    thermal: Thermal | None = None
    settings: Settings | None = None
    measured_at: str | None = None
    instructions: int | None = field(default=ABSENT, metadata=SOMETIMES)
    instructions_told: Counted | None = field(default=None, metadata=SOMETIMES)
    latency_estimate: LatencyEstimate | None = field(default=None, metadata=SOMETIMES)
    members: tuple[str, ...] = field(default=(), metadata=SOMETIMES)
    cross_check: CrossCheck | None = field(default=None, metadata=SOMETIMES)

    def __post_init__(self) -> None:
        _limit(self, 0, math.inf, "threads", "n", "clusters", "size_bytes", "instructions", "peak_rss_bytes")
        _limit(self, 0, math.inf, "cold_start_ms", "throughput_per_s", "energy_mj", "card_memory_bytes")
        for kind, count in (self.float_operators or {}).items():
            if count < 0:
                raise ValueError(f"float_operators.{kind} is {count}")
        for name in ("accuracy", "accuracy_over_subjects", "f1", "auc", "sensitivity", "specificity"):
            _share(name, getattr(self, name))
        if self.parity is not None:
            _limit(self.parity, 0, math.inf, "n", of="parity.")
            # That nothing is shown is said in a word, too: nothing else stands for what is missing.
            if self.parity.passed is None and self.parity.outcome != "unproven":
                raise ValueError("parity.outcome is not unproven, and parity.passed not known")
        if self.predictions is not None:
            _check_figures(self, self.predictions)

    @property
    def accuracy_shown(self) -> Estimate:
        """Accuracy with the interval that people are shown: over subjects where they are known.

        Images of one subject resemble each other, and an interval that counts each as independent claims too much.
        """
        return self.accuracy_over_subjects or self.accuracy

    @property
    def failed_parity(self) -> bool:
        """Whether the artifact is known not to answer as the trained model does."""
        return self.parity is not None and self.parity.word == "failed"

    @property
    def unproven(self) -> bool:
        """Whether validation images do not show if the artifact answers as the trained model does."""
        return self.parity is not None and self.parity.word == "unproven"

    @property
    def left_in_float(self) -> dict[str, int]:
        """Operators of an INT8 artifact that computed in float, number by kind."""
        return (self.float_operators or {}) if self.precision == "int8" else {}

    @property
    def counted(self) -> int | None:
        """Instructions of one inference with one thread; None where they were not counted."""
        return self.instructions if isinstance(self.instructions, int) else None

    @property
    def split_by(self) -> str:
        """One of `SPLITS`, or another word of the bench."""
        return "unknown" if self.split is None else self.split.grouped_by

    @property
    def short(self) -> bool:
        """Whether it has fewer runs, seconds or rounds than comparable figures need."""
        return self.settings is not None and self.settings.obeys_rules is False

    @property
    def name(self) -> tuple[str, str, str, str]:
        """Equal for results of one artifact, whatever its threads."""
        return self.backbone, self.format, self.precision, self.artifact


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Something that could not be measured.

    Attributes:
        artifact: its path as the bench shows it.
        sha256, kind, threads, round, batch: of the artifact and the measurement; absent where the artifact as a whole
            failed.
    """

    artifact: str
    sha256: str | None = field(default=None, metadata=SOMETIMES)
    kind: str | None = field(default=None, metadata=SOMETIMES)
    threads: int | None = field(default=None, metadata=SOMETIMES)
    round: int | None = field(default=None, metadata=SOMETIMES)
    batch: int | None = field(default=None, metadata=SOMETIMES)
    error: str

    def __post_init__(self) -> None:
        _limit(self, 0, math.inf, "threads")

    @property
    def line(self) -> str:
        """What failed and why."""
        error = self.error.removeprefix(f"{self.artifact}: ").removeprefix(f"{Path(self.artifact).name} ")
        return f"{self.artifact}: {error}"


@dataclass(frozen=True, kw_only=True)
class Document:
    """What `edgeall bench --json` prints. `edgeall`: the version that measured; `notes`: what a reader must know."""

    schema: int = SCHEMA
    edgeall: str | None = None
    device: Device
    environment: Environment | None = None
    results: tuple[Result, ...]
    failures: tuple[Failure, ...] | None = None
    notes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema is {self.schema}, and this edgeall reads {SCHEMA}")


@dataclass(frozen=True)
class Bench:
    """All results known of one device, in the order of table and verdict.

    Attributes:
        machine: what the device is, in words.
        failures: what could not be measured.
        documents: the JSON that the results were read from.
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
    return f"{_FORMATS.get(format, format)} {_PRECISIONS.get(precision, precision)}"


def split_in_words(grouped_by: str) -> str:
    """How far the test images are from the training images; `grouped_by` itself where it is none of `SPLITS`."""
    return _SPLITS.get(grouped_by, grouped_by)


def _limit(value: object, low: float, high: float, *names: str, of: str = "") -> None:
    """Raise ValueError where an attribute is a number outside [low, high]. `of` precedes its name."""
    for name in names:
        number = getattr(value, name)
        if isinstance(number, int | float) and not low <= number <= high:
            limits = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise ValueError(f"{of}{name} is {str(number)[:20]}, not {limits}")


def _interval(name: str, estimate: Estimate, low: float, high: float) -> None:
    """Raise ValueError unless low <= estimate.low <= estimate.value <= estimate.high <= high."""
    _limit(estimate, low, high, "value", of=f"{name}.")
    _limit(estimate, low, estimate.value, "low", of=f"{name}.")
    _limit(estimate, estimate.value, high, "high", of=f"{name}.")


def _share(name: str, estimate: Estimate | None) -> None:
    if estimate is not None:
        _interval(name, estimate, 0, 1)


def _check_figures(result: Result, recorded: Predictions) -> None:
    """Raise ValueError where a figure is not that of the verdicts."""
    if result.n != len(recorded.images):
        raise ValueError(f"n is {result.n}, not {len(recorded.images)}, the number of its predictions")
    parts: Sequence[tuple[str, Callable[[bool], bool]]] = (
        ("accuracy", lambda truth: True),
        ("sensitivity", lambda truth: truth),
        ("specificity", lambda truth: not truth),
    )
    for name, included in parts:
        estimate: Estimate | None = getattr(result, name)
        pairs = zip(recorded.truth, recorded.positive, strict=True)
        right = [truth == positive for truth, positive in pairs if included(truth)]
        if estimate is not None and right and abs(estimate.value - sum(right) / len(right)) > _ROUNDED:
            raise ValueError(
                f"{name}.value is {estimate.value:g}, not {sum(right) / len(right):g}, the share of its predictions"
            )
    named = recorded.subjects is not None and None not in recorded.subjects
    subjects = len(set(recorded.subjects or ())) if named else None
    if result.clusters != subjects:
        raise ValueError(
            f"clusters is {result.clusters}, not {subjects}, the number of subjects of its predictions"
        )
