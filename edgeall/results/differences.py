"""The one rule of when a difference is shown, and the tests that it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeall.statistics import Estimate, auc_test_over_subjects, compare_auc, compare_verdicts

SIGNIFICANT = 0.05
FEW_SUBJECTS = 30
"""Below it, what is known of other people rests on few: a caveat beside the intervals is due."""

MCNEMAR = "McNemar's exact test"
SIGN_FLIP = "sign-flip permutation over subjects"
DELONG = "DeLong's paired test"
OBUCHOWSKI = "DeLong's paired test over subjects (Obuchowski)"


@dataclass(frozen=True)
class Difference:
    """A metric of b less that of a.

    Attributes:
        metric: "accuracy", "class_accuracy" (of the most probable class), "sensitivity", "specificity" or "auc".
        n: images that both were scored on; None where the two were scored on different ones.
        p_value: of the paired test, over subjects where they are known; None where there is no test.
        test: which one; None where none.
        p_adjusted: `p_value` after Holm's correction for all that were compared in this metric.
        a, b: values on those images; None where the difference alone is known.
    """

    metric: str
    n: int | None
    delta: Estimate
    p_value: float | None
    test: str | None
    p_adjusted: float | None = None
    a: float | None = None
    b: float | None = None

    @property
    def shown(self) -> bool | None:
        """Whether the data show a difference: test and interval both exclude none. None: not tested."""
        p_value = self.p_value if self.p_adjusted is None else self.p_adjusted
        if p_value is None:
            return None
        if self.delta.low is None or self.delta.high is None:
            # Of equal verdicts, for one: nothing differs, and there is no interval.
            return None if p_value < SIGNIFICANT else False
        return p_value < SIGNIFICANT and excludes(self.delta, 0) is True

    @property
    def loss(self) -> bool:
        """Whether b is shown to be worse."""
        return self.delta.value < 0 and self.shown is True

    @property
    def sign(self) -> int:
        """1 where b is shown to be better, -1 worse, 0 neither."""
        return 0 if self.shown is not True else 1 if self.delta.value > 0 else -1

    @property
    def over_subjects(self) -> bool:
        """Whether interval and test count subjects."""
        return self.test in (SIGN_FLIP, OBUCHOWSKI)


def excludes(estimate: Estimate | None, none: float) -> bool | None:
    """Whether an interval excludes the value of no difference: 0 of differences, 1 of ratios. None: no interval."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.low > none or estimate.high < none


def verdict_test(
    metric: str,
    truth: npt.ArrayLike,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    subjects: Sequence[str | None] | None,
) -> Difference:
    """Of the shares of verdicts that are `truth`, (n,) each."""
    found = compare_verdicts(truth, a, b, subjects)
    over = found.p_value_over_subjects
    p_value, test = (found.p_value, MCNEMAR) if over is None else (over, SIGN_FLIP)
    shares = [float((np.asarray(verdicts) == np.asarray(truth)).mean()) for verdicts in (a, b)]
    return Difference(metric, found.n, found.accuracy_delta, p_value, test, None, *shares)


def auc_test(
    truth: Sequence[bool], a: Sequence[float], b: Sequence[float], subjects: Sequence[str | None] | None
) -> Difference | None:
    """Of the areas under the ROC curves of scores, (n,) each; None where the images are of one class."""
    found = compare_auc(truth, a, b, subjects)
    if found is None:
        return None
    known = subjects is not None and any(subject is not None for subject in subjects)
    p_value = auc_test_over_subjects(truth, a, b, subjects) if known and subjects else found.p_value
    test = None if p_value is None else OBUCHOWSKI if known else DELONG
    return Difference("auc", len(truth), found.delta, p_value, test)
