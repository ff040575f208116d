"""The variance of a figure whose images come from few subjects.

The figure is linearized: its error is about the sum of the images' influences. Images of one subject are correlated, so
influences are summed over each subject, and the variance is that of the sums.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy

from edgeall.statistics.estimate import CONFIDENCE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

UPPER = 0.5 + CONFIDENCE / 2
_NOTHING = 1e-15
"""Largest variance that counts as rounding error."""


@dataclass(frozen=True)
class ClusteredError:
    """The sampling error of a figure.

    Attributes:
        variance: of the figure, at least that of independent images.
        freedom: degrees of freedom of Student's t.
        fewest: number of subjects in the stratum with the fewest.
    """

    variance: float
    freedom: float
    fewest: int

    @property
    def known(self) -> bool:
        """False where images do not vary. The interval then depends on their number only."""
        return self.variance > _NOTHING

    @property
    def in_words(self) -> str:
        if not self.known:
            return "subjects counted"
        return f"over subjects, t with {self.freedom:.1f} degrees of freedom"

    @property
    def quantile(self) -> float:
        return float(scipy.special.stdtrit(self.freedom, UPPER))

    @property
    def half_width(self) -> float:
        return self.quantile * math.sqrt(self.variance)

    def effective(self, of_one: float, most: float = math.inf, upper: float = UPPER) -> float:
        """Effective number of images: of independent ones whose mean has the same variance; at most `most`.

        Student's quantile is included, so that formulas for a normal distribution give an interval of its width.

        Args:
            of_one: variance of a single image.
            upper: level of the interval's upper end.
        """
        normal, student = scipy.special.ndtri(upper), scipy.special.stdtrit(self.freedom, upper)
        return min(most, of_one / self.variance) * float(normal / student) ** 2


def clusters(groups: Sequence[str | None] | None, n: int) -> Integers | None:
    """Cluster number of each of `n` images, (n,); None where no subject is known.

    An image without a subject among others with one is its own cluster.
    """
    if groups is None or all(group is None for group in groups):
        return None
    if len(groups) != n:
        raise ValueError(f"{len(groups)} subjects for {n} images")
    return _numbered(tuple(groups))


# Cached: the images of a bench are those of every artifact.
@lru_cache(maxsize=8)
def _numbered(groups: tuple[str | None, ...]) -> Integers:
    names = [f"image {index}" if group is None else f"subject {group}" for index, group in enumerate(groups)]
    numbers = np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64)
    numbers.setflags(write=False)
    return numbers


def spread(influence: Floats, cluster: Integers, strata: Sequence[Bools]) -> ClusteredError | None:
    """The variance of a figure from the influence of each image, (n,).

    Within a stratum (all images, or those of one class) the variance between subjects is Obuchowski's (Biometrics 53,
    1997), which sums DeLong's components where the figure is an AUC. A subject with images in both strata adds its
    covariance. The usual factor m / (m - 1) for m subjects holds for equal numbers of images. The factor here makes the
    variance unbiased for any numbers of images, if subjects' means have equal variance. The degrees of freedom are
    those of that quadratic form, after Bell and McCaffrey (Survey Methodology 28, 2002), and are combined over strata
    after Satterthwaite (Biometrics Bulletin 2, 1946).

    Args:
        cluster: the subject of each image, (n,), numbered from 0.
        strata: one or two disjoint sets of images, (n,) each; other images are ignored.

    Returns:
        None where a stratum has one subject, so that the variance between subjects is unknown.
    """
    count = int(cluster.max()) + 1
    sums, variances, freedoms, sizes = [], [], [], []
    independent = 0.0
    for those in strata:
        centred = influence[those] - influence[those].mean()
        images = np.bincount(cluster[those], minlength=count)
        totals = np.bincount(cluster[those], weights=centred, minlength=count)
        share = images[images > 0] / len(centred)
        if len(share) < 2:
            return None
        factor, freedom = _of_unequal(share)
        sums.append(totals)
        variances.append(factor * float(totals @ totals))
        freedoms.append(freedom)
        sizes.append(len(share))
        independent += len(centred) / (len(centred) - 1) * float(centred @ centred)
    variance = sum(variances)
    freedom = min(freedoms)
    if variance > _NOTHING:
        freedom = variance**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    if len(sums) == 2:
        variance += 2 * count / (count - 1) * float(sums[0] @ sums[1])
    return ClusteredError(max(variance, independent), min(freedom, count - 1), min(sizes))


def _of_unequal(share: Floats) -> tuple[float, float]:
    """Bias factor and degrees of freedom of sum(share^2 (mean - overall mean)^2) for shares of images that add up to 1.

    With A = diag(share) (I - 1 share'): the factor is sum(share^2) / tr(AA'), the degrees tr(AA')^2 / tr((AA')^2). The
    traces are in closed form, so that no matrix is needed for thousands of subjects.
    """
    s2, s3, s4, s5 = (float((share**power).sum()) for power in (2, 3, 4, 5))
    trace = s2 - 2 * s3 + s2 * s2
    of_square = s4 * (1 + 2 * s2) - 4 * s5 + s2**4 - 4 * s2**2 * s3 + 2 * s2 * s4 + 2 * s3**2
    return s2 / trace, trace**2 / of_square


def korn_graubard(
    value: float, found: ClusteredError, most: float, upper: float = UPPER
) -> tuple[float, float]:
    """Clopper and Pearson's interval of a figure in [0, 1] at its effective number of images, at most `most`.

    Source: Korn and Graubard, Survey Methodology 24 (1998).
    """
    if not found.known or not 0 < value < 1:
        return counted(value, found.fewest, upper)
    return counted(value, found.effective(value * (1 - value), most, upper), upper)


def on_logit_scale(value: float, found: ClusteredError) -> tuple[float, float]:
    """Student's interval of a figure in [0, 1] on the logit scale. Near 0 and 1 it is asymmetric towards 0.5."""
    if not found.known or not 0 < value < 1:
        return counted(value, found.fewest)
    centre, half = math.log(value / (1 - value)), found.half_width / (value * (1 - value))
    return expit(centre - half), expit(centre + half)


def counted(value: float, n: float, upper: float = UPPER) -> tuple[float, float]:
    """Clopper and Pearson's interval (Biometrika 26, 1934) of a share of `n` observations, which need not be whole.

    With subjects as observations it holds for shares and areas of 1 under any correlation within subjects: m subjects
    are all correct with a probability of at most value^m, and so are m disjoint pairs of them.
    """
    low = float(scipy.special.betaincinv(value * n, n - value * n + 1, 1 - upper)) if value > 0 else 0.0
    high = float(scipy.special.betaincinv(value * n + 1, n - value * n, upper)) if value < 1 else 1.0
    return low, high


def expit(x: float) -> float:
    """The inverse of the logit, without overflow."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
