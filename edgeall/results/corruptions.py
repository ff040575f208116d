"""What corrupted pictures do to an artifact: a point for each corruption and strength. Shares are in [0, 1]."""

import math
from dataclasses import dataclass

from edgeall.results.checks import check_limits, check_share
from edgeall.results.differences import MCNEMAR, SIGN_FLIP, SIGNIFICANT, Difference
from edgeall.statistics import Estimate

MOST_REFUSED = 0.5
"""A corruption whose pictures are refused at this share or above counts as refused."""

SEEN_FALL = 0.1
"""A fall of accuracy from here on is told of where there are too few subjects to show any."""


@dataclass(frozen=True, kw_only=True)
class CorruptionPoint:
    """The same images after one corruption at one strength.

    Attributes:
        corruption, strength: from `edgeall.shifts.corruptions`; "unchanged" and 0 for images that nothing was done to.
        meaning: what the strength is.
        n: images that could be read.
        agreement: share of verdicts that are those of the unchanged images.
        refused: images that the artifact's domain refuses; None where it has no domain. Other figures count them too.
        accepted_accuracy: of the images that are not refused; None without any, and without a domain.
        versus_clean: accuracy and AUC less those of the unchanged images.
        versus_float: accuracy and AUC less those of the float32 artifact on the same pixels.

    The p-values are adjusted for all points of an artifact (Holm), within each metric and each of the two comparisons.
    """

    corruption: str
    strength: int
    meaning: str | None = None
    n: int
    accuracy: Estimate
    auc: Estimate | None = None
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None
    agreement: Estimate | None = None
    refused: int | None = None
    accepted_accuracy: Estimate | None = None
    versus_clean: tuple[Difference, ...] = ()
    versus_float: tuple[Difference, ...] = ()

    def __post_init__(self) -> None:
        check_limits(self, 0, math.inf, "strength")
        check_limits(self, 1, math.inf, "n")
        check_limits(self, 0, self.n, "refused")
        for name in ("accuracy", "auc", "sensitivity", "specificity", "agreement", "accepted_accuracy"):
            check_share(name, getattr(self, name))

    @property
    def change(self) -> str:
        """ "defocus 3", or "unchanged"."""
        return f"{self.corruption} {self.strength}" if self.strength else self.corruption

    @property
    def loss(self) -> bool:
        """Whether accuracy or AUC is shown to be lower than on the unchanged images."""
        return any(each.loss for each in self.versus_clean)

    @property
    def below_float(self) -> bool:
        """Whether accuracy or AUC is shown to be lower than that of float32."""
        return any(each.loss for each in self.versus_float)

    @property
    def mostly_refused(self) -> bool:
        """Whether the domain refuses `MOST_REFUSED` of the images or more."""
        return self.refused is not None and self.refused >= MOST_REFUSED * self.n

    @property
    def unnoticed(self) -> bool:
        """Whether a loss is shown and fewer than `MOST_REFUSED` of the images are refused."""
        return self.loss and not self.mostly_refused


@dataclass(frozen=True, kw_only=True)
class Corruptions:
    """An artifact's answers to corrupted test images.

    Attributes:
        most: images that were asked for, evenly spaced over the test images.
        clusters: subjects among them; None where subjects are not known.
        unchanged: the same images without any corruption.
    """

    most: int
    clusters: int | None = None
    unchanged: CorruptionPoint
    points: tuple[CorruptionPoint, ...]

    def __post_init__(self) -> None:
        check_limits(self, 1, math.inf, "most")
        changes = [point.change for point in self.points]
        if len(set(changes)) < len(changes) or any(point.strength < 1 for point in self.points):
            raise ValueError("points has a corruption and strength twice, or a strength below 1")

    @property
    def every(self) -> tuple[CorruptionPoint, ...]:
        """Unchanged images first."""
        return (self.unchanged, *self.points)

    @property
    def worst(self) -> CorruptionPoint | None:
        """The point of the lowest accuracy; of equal ones the first."""
        return min(self.points, key=lambda point: point.accuracy.value, default=None)

    @property
    def unnoticed(self) -> tuple[CorruptionPoint, ...]:
        """Points at which a loss is shown and not refused."""
        return tuple(point for point in self.points if point.unnoticed)

    @property
    def seen_unnoticed(self) -> tuple[CorruptionPoint, ...]:
        """Points whose accuracy is lower by `SEEN_FALL` or more, which may be chance, and that are not refused."""
        least = self.unchanged.accuracy.value - SEEN_FALL
        return tuple(
            point for point in self.points if point.accuracy.value <= least and not point.mostly_refused
        )

    @property
    def least_p(self) -> float:
        """The least adjusted p-value that a loss of accuracy can have here, if all other points show more.

        Of m subjects, or m images where subjects are not known, all may have lost. A sign-flip test of m subjects and
        McNemar's test of m images have p-values from 2 / 2^m.
        """
        tests = {each.test for point in self.points for each in point.versus_clean}
        count = self.clusters if SIGN_FLIP in tests else self.unchanged.n if MCNEMAR in tests else 0
        return min(1.0, len(self.points) * 2.0 ** (1 - (count or 0)))

    @property
    def too_few(self) -> bool:
        """Whether no loss of accuracy can be shown, however large: there are too few subjects."""
        return self.least_p >= SIGNIFICANT
