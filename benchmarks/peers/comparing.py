"""Figures of each INT8 model beside the float model, and paired tests of edgeall's against each peer's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy

from edgeall import runs, statistics
from edgeall.exporting.own_decision import own_decision
from edgeall.results.differences import SIGNIFICANT
from edgeall.shifts.mild import FOR_EXPORT

from .judging import TEST, VAL, Answers

Bools = npt.NDArray[np.bool_]
Finding = Literal["less", "more", "no"]


@dataclass(frozen=True)
class Faith:
    """How a model's verdicts follow the float model's.

    Attributes:
        kept: whether the verdict of a test image is the float model's, (n,). Each model has the threshold that keeps
            most of the float model's verdicts on validation images, as edgeall's artifacts do.
        as_is: share of test verdicts kept at the float model's threshold, which is what a user of a peer has.
        shifted: whether the float model's verdict is kept, (shifts, n).
        auc: of test images; None where they are of one class.
        auc_change: against the float model.
        expected_loss: of AUC; None where it cannot be estimated.
        mean_change: of the score on test images, absolute.
    """

    kept: Bools
    as_is: float
    shifted: Bools
    auc: float | None
    auc_change: float | None
    expected_loss: float | None
    mean_change: float


def faith(run: runs.Run, truth: Sequence[bool], exact: Answers, given: Answers) -> Faith:
    """Compare a model's answers with the Keras model's; `truth` is of the test images."""
    threshold = run.decision.threshold
    own = own_decision(run, exact.scores[VAL], given.scores[VAL]).threshold

    def kept(name: str, cut: float) -> Bools:
        return np.asarray((given.scores[name] >= cut) == (exact.scores[name] >= threshold))

    before, after = exact.scores[TEST], given.scores[TEST]
    change = statistics.paired_auc(truth, before, after)
    area = statistics.compare_auc(truth, before, after)
    return Faith(
        kept=kept(TEST, own),
        as_is=float(kept(TEST, threshold).mean()),
        shifted=np.stack([kept(name, own) for name in FOR_EXPORT]),
        auc=None if area is None else _auc(truth, after),
        auc_change=None if change is None else change.value,
        expected_loss=None if change is None else expected_loss(change),
        mean_change=float(np.abs(after - before).mean()),
    )


def expected_loss(change: statistics.OneSided) -> float | None:
    """Mean of max(0, fall of AUC), for a change that is normal about its estimate with the width of its bounds.

    The closed form is that of expected improvement (Jones, Schonlau, Welch, Journal of Global Optimization 13, 1998).
    """
    if change.low is None or change.high is None:
        return None
    deviation = (change.high - change.low) / (2 * float(scipy.stats.norm.ppf(0.95)))
    fall = -change.value
    if deviation == 0:
        return max(0.0, fall)
    z = fall / deviation
    return float(fall * scipy.stats.norm.cdf(z) + deviation * scipy.stats.norm.pdf(z))


@dataclass(frozen=True)
class Test:
    """A paired test of whether edgeall's verdicts follow the float model's as often as a peer's.

    Attributes:
        only_ours, only_peers: pictures on which one alone keeps the float model's verdict.
        p_value: two-sided; of test pictures McNemar's exact test. Shifted pictures of a cell are no independent trials:
            each cell counts once, for the one that keeps more of its verdicts (sign test).
        p_adjusted: by Holm's method over all tests of the table.
    """

    only_ours: int
    only_peers: int
    p_value: float
    p_adjusted: float = 1.0
    sign: int = 0

    @property
    def less(self) -> Finding:
        """Whether edgeall's model is shown to be less faithful: "no" says that no difference is shown."""
        if self.p_adjusted >= SIGNIFICANT or self.sign == 0:
            return "no"
        return "more" if self.sign > 0 else "less"


def paired(ours: Bools, peers: Bools) -> Test:
    """Of verdicts kept, (n,) or (shifts, n)."""
    gained = np.atleast_2d(ours).astype(int) - np.atleast_2d(peers).astype(int)
    by_cell = np.sign(gained.sum(axis=0))
    p_value = statistics.mcnemar_exact(by_cell > 0, by_cell < 0)
    return Test(int((gained > 0).sum()), int((gained < 0).sum()), p_value, sign=int(np.sign(by_cell.sum())))


def adjusted(tests: Mapping[tuple[str, ...], Test]) -> dict[tuple[str, ...], Test]:
    """With Holm's correction for all of them."""
    values = statistics.holm([test.p_value for test in tests.values()])
    return {
        key: replace(test, p_adjusted=value) for (key, test), value in zip(tests.items(), values, strict=True)
    }


def pooled(found: Sequence[Faith]) -> Faith:
    """Of several runs of a backbone: their pictures together, areas under curves as means over runs."""
    if len(found) == 1:
        return found[0]

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    counts = [each.kept.size for each in found]
    return Faith(
        kept=np.concatenate([each.kept for each in found]),
        as_is=float(np.average([each.as_is for each in found], weights=counts)),
        shifted=np.concatenate([each.shifted for each in found], axis=1),
        auc=mean([each.auc for each in found]),
        auc_change=mean([each.auc_change for each in found]),
        expected_loss=mean([each.expected_loss for each in found]),
        mean_change=float(np.average([each.mean_change for each in found], weights=counts)),
    )


def _auc(truth: Sequence[bool], scores: npt.NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores))
