"""Two classifiers on the same images: do they agree, and is one right more often?"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, permutation_test

from edgeall.statistics.estimate import Estimate, Z, proportion
from edgeall.statistics.resampling import Bools, Floats, Integers, bootstrap, clusters, weighted_mean


@dataclass(frozen=True)
class Paired:
    """Of a classifier b beside a reference a on the same images.

    Attributes:
        agreement: share of equal verdicts, with Wilson's interval.
        accuracy_delta: accuracy of b less that of a.
        p_value: McNemar's exact two-sided test of equal accuracy; takes images as independent.
        p_value_over_subjects: sign-flip permutation test over subjects; None where they are not known.
        only_a, only_b: images that one alone has right.
    """

    n: int
    agreement: Estimate
    accuracy_delta: Estimate
    p_value: float
    p_value_over_subjects: float | None
    only_a: int
    only_b: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: `agreement` and `accuracy_delta` are plain numbers, their ends are in `..._interval`."""
        document = asdict(self)
        for name in ("agreement", "accuracy_delta"):
            estimate = getattr(self, name)
            document[name] = estimate.value
            document[f"{name}_interval"] = {"low": estimate.low, "high": estimate.high}
        return document


def agreement(verdicts_a: npt.ArrayLike, verdicts_b: npt.ArrayLike) -> Estimate | None:
    """Share of equal verdicts, with Wilson's interval; None without images."""
    same = np.asarray(verdicts_a) == np.asarray(verdicts_b)
    return proportion(int(same.sum()), int(same.size))


def mcnemar_exact(correct_a: npt.ArrayLike, correct_b: npt.ArrayLike) -> float:
    """Two-sided p-value of equal accuracy: a binomial test of the images that one alone has right; 1 without any.

    Source: McNemar, Psychometrika 12 (1947), in its exact form (Fay, Biostatistics 11, 2010).
    """
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    return 1.0 if only_a + only_b == 0 else float(binomtest(only_a, only_a + only_b).pvalue)


def compare_verdicts(
    positive: npt.ArrayLike,
    verdicts_a: npt.ArrayLike,
    verdicts_b: npt.ArrayLike,
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
) -> Paired:
    """Compare verdicts (True: positive) of two classifiers, (n,) each, n >= 1, with the truth.

    The interval of the accuracy difference is Bonett and Price's for paired proportions (J. Educ. Behav. Stat. 37,
    2012), which stays open where no image tells the two apart; where subjects are known, a bootstrap over them.
    """
    truth = np.asarray(positive, dtype=bool)
    a, b = np.asarray(verdicts_a, dtype=bool), np.asarray(verdicts_b, dtype=bool)
    right_a, right_b = a == truth, b == truth
    same = agreement(a, b)
    if same is None:
        raise ValueError("no images to compare on")
    cluster = clusters(groups, len(truth))
    gained = right_b.astype(np.float64) - right_a
    return Paired(
        n=len(truth),
        agreement=same,
        accuracy_delta=_delta(gained, truth, cluster, seed),
        p_value=mcnemar_exact(right_a, right_b),
        p_value_over_subjects=None if cluster is None else _sign_flip(gained, cluster, seed),
        only_a=int((right_a & ~right_b).sum()),
        only_b=int((right_b & ~right_a).sum()),
    )


def _delta(gained: Floats, truth: Bools, cluster: Integers | None, seed: int) -> Estimate:
    value = float(gained.mean())
    if cluster is None:
        low, high = _bonett_price(float((gained > 0).sum()), float((gained < 0).sum()), len(gained))
        return Estimate(value, min(low, value), max(high, value), "Bonett-Price")
    ends = bootstrap({"delta": weighted_mean(gained)}, truth, cluster, seed)["delta"]
    if ends is not None and ends[1] - ends[0] > 1e-12:
        return Estimate(value, min(ends[0], value), max(ends[1], value), "bootstrap over subjects")
    count = int(cluster.max()) + 1
    up, down = float((gained > 0).mean()) * count, float((gained < 0).mean()) * count
    low, high = _bonett_price(up, down, count)
    return Estimate(value, min(low, value), max(high, value), "Bonett-Price, subjects counted")


def _bonett_price(only_b: float, only_a: float, n: int) -> tuple[float, float]:
    up, down = (only_b + 1) / (n + 2), (only_a + 1) / (n + 2)
    spread = Z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return max(-1.0, up - down - spread), min(1.0, up - down + spread)


def _sign_flip(gained: Floats, cluster: Integers, seed: int) -> float:
    """Were a and b equal, each subject's gain could as well have had the other sign."""
    totals = np.bincount(cluster, weights=gained)
    totals = totals[totals != 0]
    if len(totals) < 2:
        # One subject's gain is as large with either sign.
        return 1.0
    result = permutation_test(
        (totals, np.zeros_like(totals)),
        lambda x, y, axis: np.sum(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(seed),
    )
    return min(1.0, float(result.pvalue))
