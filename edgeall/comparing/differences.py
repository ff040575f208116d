"""How far two models lie apart, in each metric, and what the test images say of that."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeall.comparing.common_images import METRICS, Answers, Bools
from edgeall.reporting.pairs import SIGNIFICANT
from edgeall.statistics import (
    Estimate,
    auc_test_over_subjects,
    compare_auc,
    compare_verdicts,
    independent_difference,
)

MCNEMAR = "McNemar's exact test"
SIGN_FLIP = "sign-flip permutation over subjects"
DELONG = "DeLong's paired test"
OBUCHOWSKI = "DeLong's paired test over subjects (Obuchowski)"


@dataclass(frozen=True)
class Difference:
    """Of b less a in one metric.

    Attributes:
        n: images that it rests on; None where the two were tested on different ones.
        a, b: values on those images.
        p_value: of the paired test; None where none can be made.
        p_adjusted: the same after Holm's correction for all that were compared in this metric.
        test: which one; None where none.
    """

    metric: str
    n: int | None
    a: float
    b: float
    delta: Estimate
    p_value: float | None
    test: str | None
    p_adjusted: float | None = None

    @property
    def supported(self) -> bool | None:
        """Whether the data show a difference: the interval leaves out none, and so does the test. None: untested."""
        p_value = self.p_value if self.p_adjusted is None else self.p_adjusted
        low, high = self.delta.low, self.delta.high
        if p_value is None:
            return None
        if low is None or high is None:
            # Of equal verdicts, say: nothing differs, and no interval can be had.
            return None if p_value < SIGNIFICANT else False
        return p_value < SIGNIFICANT and (low > 0 or high < 0)


def paired(a: Answers, b: Answers) -> tuple[Difference, ...]:
    """On the same images in the same order. Subjects are taken from the first that knows them."""
    groups = a.subjects if a.subjects is not None else b.subjects
    truth = a.positive
    found = [_verdicts("accuracy", truth, a.called, b.called, groups)]
    if a.chosen_right is not None and b.chosen_right is not None:
        every = np.ones_like(truth)
        found.append(_verdicts("class_accuracy", every, a.chosen_right, b.chosen_right, groups))
    for metric, those in (("sensitivity", truth), ("specificity", ~truth)):
        if those.any():
            some = None if groups is None else tuple(groups[row] for row in np.flatnonzero(those))
            found.append(_verdicts(metric, truth[those], a.called[those], b.called[those], some))
    if (auc := _auc(a, b, groups)) is not None:
        found.append(auc)
    return tuple(found)


def separate(a: Mapping[str, Estimate], b: Mapping[str, Estimate]) -> tuple[Difference, ...]:
    """Between models that were tested on different images: no test of pairs."""
    return tuple(
        Difference(
            name, None, a[name].value, b[name].value, independent_difference(a[name], b[name]), None, None
        )
        for name in METRICS
        if name in a and name in b
    )


def _verdicts(
    metric: str, truth: Bools, a: Bools, b: Bools, groups: tuple[str | None, ...] | None
) -> Difference:
    found = compare_verdicts(truth, a, b, groups)
    over = found.p_value_over_subjects
    return Difference(
        metric, len(truth), float((a == truth).mean()), float((b == truth).mean()), found.accuracy_delta,
        found.p_value if over is None else over, MCNEMAR if over is None else SIGN_FLIP,
    )  # fmt: skip


def _auc(a: Answers, b: Answers, groups: tuple[str | None, ...] | None) -> Difference | None:
    if a.scores is None or b.scores is None:
        return None
    truth, of_a, of_b = a.positive.tolist(), a.scores.tolist(), b.scores.tolist()
    found = compare_auc(truth, of_a, of_b, groups)
    if found is None:
        return None
    known = groups is not None and any(group is not None for group in groups)
    p_value = auc_test_over_subjects(truth, of_a, of_b, groups) if known and groups else found.p_value
    value = _area(a)
    test = None if p_value is None else OBUCHOWSKI if known else DELONG
    return Difference("auc", len(truth), value, value + found.delta.value, found.delta, p_value, test)


def _area(one: Answers) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(one.positive, one.scores))
