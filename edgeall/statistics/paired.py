"""Agreement and differences of accuracy and F1 of two classifiers on the same images."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from edgeall.statistics import figures
from edgeall.statistics.clustered import Floats, Integers, clusters, spread
from edgeall.statistics.estimate import Estimate, bonett_price, proportion
from edgeall.statistics.intervals import share


@dataclass(frozen=True)
class PairedTest:
    """Comparison of a classifier b with a reference a on the same images.

    Attributes:
        agreement: share of equal verdicts; its interval is over subjects where they are known.
        accuracy_delta: accuracy of b - accuracy of a. Over subjects its ends are None where every verdict is equal.
        p_value: McNemar's exact two-sided test of equal accuracy; assumes independent images.
        p_value_over_subjects: sign-flip permutation test over subjects; None where they are not known.
        only_a, only_b: number of images that only one classifies correctly.
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
    """Two-sided p-value of equal accuracy: a binomial test of the images that only one classifies correctly.

    It is 1 without such images.

    Source: McNemar, Psychometrika 12 (1947), in its exact form (Fay, Biostatistics 11, 2010).
    """
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    return 1.0 if only_a + only_b == 0 else float(scipy.stats.binomtest(only_a, only_a + only_b).pvalue)


def compare_verdicts(
    positive: npt.ArrayLike,
    verdicts_a: npt.ArrayLike,
    verdicts_b: npt.ArrayLike,
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
) -> PairedTest:
    """Compare verdicts (True: positive) of two classifiers, (n,) each, n >= 1, with the truth.

    The interval of the accuracy difference is Bonett and Price's for paired proportions (J. Educ. Behav. Stat. 37,
    2012), which has a positive width even where all verdicts are equal. Where subjects are known it is computed at the
    effective number of images, as for a share. It has no ends then where all verdicts are equal, because these images
    give no information on the variance of differences between subjects.

    Args:
        seed: of the permutation test, where subjects are too many for all combinations of signs.
    """
    truth = np.asarray(positive, dtype=bool)
    a, b = np.asarray(verdicts_a, dtype=bool), np.asarray(verdicts_b, dtype=bool)
    right_a, right_b = a == truth, b == truth
    cluster = clusters(groups, len(truth))
    same = share(a == b, cluster)
    if same is None:
        raise ValueError("no images to compare on")
    gained = _gained(truth, a, b)
    return PairedTest(
        n=len(truth),
        agreement=same,
        accuracy_delta=mean_gain(gained, cluster),
        p_value=mcnemar_exact(right_a, right_b),
        p_value_over_subjects=None if cluster is None else _sign_flip(gained, cluster, seed),
        only_a=int((right_a & ~right_b).sum()),
        only_b=int((right_b & ~right_a).sum()),
    )


def accuracy_gain(
    positive: npt.ArrayLike,
    verdicts_a: npt.ArrayLike,
    verdicts_b: npt.ArrayLike,
    groups: Sequence[str | None] | None = None,
) -> Estimate:
    """`accuracy_delta` of `compare_verdicts` without its tests, of which the permutations take fifty times as long."""
    truth = np.asarray(positive, dtype=bool)
    return mean_gain(_gained(truth, verdicts_a, verdicts_b), clusters(groups, len(truth)))


def _gained(truth: npt.NDArray[np.bool_], verdicts_a: npt.ArrayLike, verdicts_b: npt.ArrayLike) -> Floats:
    right_a, right_b = (np.asarray(verdicts, dtype=bool) == truth for verdicts in (verdicts_a, verdicts_b))
    return np.asarray(right_b.astype(np.float64) - right_a)


def mean_gain(gained: Floats, cluster: Integers | None) -> Estimate:
    """The mean of 1 (only b is correct), -1 (only a) and 0, (n,), with the interval of `compare_verdicts`."""
    value, n = float(gained.mean()), len(gained)
    up, down = float((gained > 0).mean()), float((gained < 0).mean())
    if cluster is None:
        low, high = bonett_price(up, down, n)
        return Estimate(value, min(low, value), max(high, value), "Bonett-Price")
    if up == down == 0:
        return Estimate(value, None, None, "no interval: equal verdicts on every image")
    found = spread((gained - value) / n, cluster, [np.ones(n, dtype=bool)])
    if found is None:
        return Estimate(value, None, None, "no interval: one subject")
    effective = found.effective(up + down - value**2, n) if found.known else found.fewest
    low, high = bonett_price(up, down, effective)
    return Estimate(
        value,
        min(low, value),
        max(high, value),
        f"Bonett-Price, {found.in_words}",
    )


def compare_f1(
    positive: npt.ArrayLike,
    verdicts_a: npt.ArrayLike,
    verdicts_b: npt.ArrayLike,
    groups: Sequence[str | None] | None = None,
) -> Estimate | None:
    """F1 of b - F1 of a, of verdicts (n,) on the same images; None where either is undefined.

    The interval is Student's, from the difference of the two influences of each image: over subjects where they are
    known, else over images. It has no ends where a class has one subject, and where every verdict is equal.
    """
    truth = np.asarray(positive, dtype=bool)
    verdicts = (np.asarray(verdicts_a, dtype=bool), np.asarray(verdicts_b, dtype=bool))
    a, b = (figures.f1(truth, called) for called in verdicts)
    if a is None or b is None:
        return None
    value = b.value - a.value
    cluster = clusters(groups, len(truth))
    if cluster is None:
        cluster = np.arange(len(truth), dtype=np.int64)
    strata = [truth, ~truth]
    if any(len(np.unique(cluster[those])) < 2 for those in strata):
        return Estimate(value, None, None, "no interval: fewer than two subjects in a class")
    found = spread(b.influence - a.influence, cluster, strata)
    if found is None or not found.known:
        return Estimate(value, None, None, "no interval: equal verdicts on every image")
    low, high = value - found.half_width, value + found.half_width
    return Estimate(value, max(-1.0, low), min(1.0, high), found.in_words)


def _sign_flip(gained: Floats, cluster: Integers, seed: int) -> float:
    """p-value of a permutation test: if a and b are equal, both signs of a subject's gain are equally likely."""
    totals = np.bincount(cluster, weights=gained)
    totals = totals[totals != 0]
    if len(totals) < 2:
        # With one subject both signs give the same absolute gain.
        return 1.0
    result = scipy.stats.permutation_test(
        (totals, np.zeros_like(totals)),
        lambda x, y, axis: np.sum(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(seed),
    )
    return min(1.0, float(result.pvalue))
