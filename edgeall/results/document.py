"""Bench results as they stand in `bench/<device>.json`: fields are its keys, in its order.

A field without a default has been in every result since schema 1; any other may be missing in older ones. None is
unknown, undefined, or does not apply.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgeall import documents
from edgeall.artifact import Parity
from edgeall.results.accuracy import Classes, RecordedPredictions, SplitKind, VersusFloat
from edgeall.results.checks import ABSENT, SOMETIMES, check_limits, check_share
from edgeall.results.corruptions import Corruptions
from edgeall.results.costs import (
    Batch,
    Card,
    CardMemory,
    Copies,
    Counted,
    CrossCheck,
    Energy,
    Latency,
    LatencyEstimate,
    Marked,
    Selftest,
    Thermal,
    UsedAccelerator,
)
from edgeall.statistics import Estimate, Referral, figures

SCHEMA = 1
LatencyKind = Literal["measured", "estimated", "emulated"]
_ROUNDED = 1e-6
_OF_ROUNDED_SCORES = 1e-3
"""Scores that are equal once rounded change an AUC a little."""


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
class UsedEngine:
    """A runtime library."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


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
class Result(Marked):
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
        input_size: height and width of the input in pixels; None in results of older versions, and of ensembles.
        members: artifacts that an ensemble is made of; its costs are sums of theirs.
        measured_at: ISO 8601, of the last session.
        selftest: None in results of older versions, and of ensembles.
        corruptions: None where they were not asked for, and of ensembles.
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
    engine: UsedEngine
    accelerator: UsedAccelerator | None = None
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
    split: SplitKind | None = None
    unreadable: dict[str, str] | None = None
    predictions: RecordedPredictions | None = None
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
    input_size: int | None = field(default=None, metadata=SOMETIMES)
    members: tuple[str, ...] = field(default=(), metadata=SOMETIMES)
    cross_check: CrossCheck | None = field(default=None, metadata=SOMETIMES)
    selftest: Selftest | None = field(default=None, metadata=SOMETIMES)
    corruptions: Corruptions | None = field(default=None, metadata=SOMETIMES)

    def __post_init__(self) -> None:
        check_limits(
            self,
            0,
            math.inf,
            "threads",
            "n",
            "clusters",
            "size_bytes",
            "instructions",
            "peak_rss_bytes",
            "input_size",
        )
        check_limits(self, 0, math.inf, "cold_start_ms", "throughput_per_s", "energy_mj", "card_memory_bytes")
        for kind, count in (self.float_operators or {}).items():
            if count < 0:
                raise ValueError(f"float_operators.{kind} is {count}")
        for name in ("accuracy", "accuracy_over_subjects", "f1", "auc", "sensitivity", "specificity"):
            check_share(name, getattr(self, name))
        if self.parity is not None:
            check_limits(self.parity, 0, math.inf, "n", of="parity.")
            # "unproven" is stated: a missing value is no outcome.
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
    def energy_source(self) -> str | None:
        """What its energy was measured of, and by what; None where none is known."""
        if self.energy_mj is None:
            return None
        # Earlier results do not tell: there was one source.
        return (self.energy and self.energy.source) or "the whole processor package by its own counters"

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
        sha256, kind, threads, round, batch, change: of the artifact and the measurement; absent where the artifact as
            a whole failed.
    """

    artifact: str
    sha256: str | None = field(default=None, metadata=SOMETIMES)
    kind: str | None = field(default=None, metadata=SOMETIMES)
    threads: int | None = field(default=None, metadata=SOMETIMES)
    round: int | None = field(default=None, metadata=SOMETIMES)
    batch: int | None = field(default=None, metadata=SOMETIMES)
    change: str | None = field(default=None, metadata=SOMETIMES)
    error: str

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "threads")

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
        documents.check_schema(self.schema, SCHEMA)


def _check_figures(result: Result, recorded: RecordedPredictions) -> None:
    """Raise ValueError where a figure is not that of the verdicts."""
    if result.n != len(recorded.images):
        raise ValueError(f"n is {result.n}, not {len(recorded.images)}, the number of its predictions")
    for name, of in (("accuracy", (True, False)), ("sensitivity", (True,)), ("specificity", (False,))):
        estimate: Estimate | None = getattr(result, name)
        pairs = zip(recorded.truth, recorded.positive, strict=True)
        right = [truth == positive for truth, positive in pairs if truth in of]
        if estimate is not None and right and abs(estimate.value - sum(right) / len(right)) > _ROUNDED:
            raise ValueError(
                f"{name}.value is {estimate.value:g}, not {sum(right) / len(right):g}, the share of its predictions"
            )
    _check_ranking(result, recorded)
    named = recorded.subjects is not None and None not in recorded.subjects
    subjects = len(set(recorded.subjects or ())) if named else None
    if result.clusters != subjects:
        raise ValueError(
            f"clusters is {result.clusters}, not {subjects}, the number of subjects of its predictions"
        )


def _check_ranking(result: Result, recorded: RecordedPredictions) -> None:
    """Raise ValueError where the confusion matrix, F1 or AUC is not that of the predictions."""
    truth, called = np.asarray(recorded.truth, dtype=bool), np.asarray(recorded.positive, dtype=bool)
    counts = {
        "tn": int((~truth & ~called).sum()),
        "fp": int((~truth & called).sum()),
        "fn": int((truth & ~called).sum()),
        "tp": int((truth & called).sum()),
    }
    if result.confusion is not None and counts.items() - result.confusion.items():
        raise ValueError(f"confusion is {result.confusion}, not {counts}, that of its predictions")
    expected = {"f1": figures.f1(truth, called)}
    if recorded.scores is not None and truth.any() and not truth.all():
        expected["auc"] = figures.auc(truth, np.asarray(recorded.scores, dtype=np.float64))
    for name, figure in expected.items():
        told: Estimate | None = getattr(result, name)
        if told is not None and figure is not None and abs(told.value - figure.value) > _OF_ROUNDED_SCORES:
            raise ValueError(f"{name}.value is {told.value:g}, not {figure.value:g}, that of its predictions")
