"""Accuracy of an artifact: predictions, classes, and how it differs from float32. Shares are in [0, 1]."""

from dataclasses import dataclass, field

from edgeall.results.checks import ABSENT, SOMETIMES, check_limits, check_share
from edgeall.statistics import Estimate

_SPLITS = {
    "subject": "split by subject",
    "image": "split by image: optimistic",
    "other": "another data set than the run's",
    "unknown": "not known to be held out: may be optimistic",
}
SPLITS = tuple(_SPLITS)
"""How test images may be set apart from those that trained the model."""

_MOST_SCORE = 1.001
"""A sum of probabilities in float16 or INT8 may exceed 1 by this much."""


def split_in_words(grouped_by: str) -> str:
    """How far the test images are from the training images; `grouped_by` itself where it is none of `SPLITS`."""
    return _SPLITS.get(grouped_by, grouped_by)


@dataclass(frozen=True)
class SplitKind:
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
        check_limits(self, 0, 1, "f1")


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
        check_share("accuracy", self.accuracy)
        for label, recall in (self.recall_by_class or {}).items():
            check_share(f"recall_by_class.{label}", recall)


@dataclass(frozen=True, kw_only=True)
class RecordedPredictions:
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
        check_limits(self, 0, 1, "agreement", "p_value", "p_value_over_subjects")
        check_limits(self, -1, 1, "accuracy_delta")
        check_share("class_agreement", self.class_agreement)

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
