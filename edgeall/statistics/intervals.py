"""The interval of each figure of a classifier.

Where subjects are known, intervals use the variance between subjects (`clustered.spread`), and Student's t with degrees
of freedom from their numbers. AUC and average precision have it on the logit scale, all other figures as Korn and
Graubard's interval at the effective number of images. Where images do not vary (all correct, all wrong), each subject
is one observation. A figure has no interval where it depends on a class with one subject, because the variance between
subjects is then unknown. Coverage, by simulation: benchmarks/results/interval-coverage.md.

The interval is for a new sample of subjects. Figures that depend on the share of positive images (PPV, F1, MCC, average
precision) hold for the share among these images.

Where subjects are unknown, images count as independent:

- accuracy, sensitivity, specificity, positive predictive value: Wilson.
- F1: Wilson on F* = tp / (tp + fp + fn), carried over (Lam, Gopal and Qian, arXiv 2309.14621).
- balanced accuracy: its two Wilson intervals combined (Newcombe, Statistics in Medicine 20, 2001; Zou and Donner,
  ibid. 27, 2008).
- ROC-AUC: DeLong on the logit scale; Newcombe's score interval at 0 and 1.
- average precision, MCC: as with subjects, with each image as a subject.
- Brier score: Wilson's. A squared error within [0, 1] varies at most as much as a proportion, so the interval is
  conservative, while the sample variance of some twenty images misses a rare large error. Over subjects the effective
  number of images is also limited to the number of images.
"""

import math

import numpy as np

from edgeall.statistics import figures
from edgeall.statistics.clustered import (
    Bools,
    ClusteredError,
    Floats,
    Integers,
    korn_graubard,
    on_logit_scale,
    spread,
)
from edgeall.statistics.estimate import Estimate, proportion
from edgeall.statistics.figures import Figure
from edgeall.statistics.roc import delong_interval
from edgeall.wilson import wilson


def share(right: Bools, cluster: Integers | None, those: Bools | None = None) -> Estimate | None:
    """Share of images that are `right`, among `those`; None where there are none."""
    among = np.ones(len(right), dtype=bool) if those is None else those
    if cluster is None or not among.any():
        return proportion(int(right[among].sum()), int(among.sum()))
    return over_subjects(figures.mean(right[among]), right[among], cluster[among])


def over_subjects(figure: Figure, positive: Bools, cluster: Integers) -> Estimate:
    """The figure with its interval for a new sample of subjects; ends are None where a class has one subject.

    Args:
        positive: the truth, (n,), for figures with fixed class shares.
        cluster: subject of each image, (n,).
    """
    every = np.ones(len(positive), dtype=bool)
    strata = [every] if figure.strata == "all" else [positive, ~positive]
    # Renumbered, because some images can have been left out.
    cluster = np.unique(cluster, return_inverse=True)[1].astype(np.int64)
    if any(len(np.unique(cluster[those])) < 2 for those in strata):
        where = "one subject" if figure.strata == "all" else "fewer than two subjects in a class"
        return Estimate(figure.value, None, None, f"no interval: {where}")
    found = spread(figure.influence, cluster, strata)
    assert found is not None
    low, high = _ends(figure, found, len(positive))
    return Estimate(figure.value, min(low, figure.value), max(high, figure.value), found.in_words)


def _ends(figure: Figure, found: ClusteredError, n: int) -> tuple[float, float]:
    if figure.scale == "logit":
        return on_logit_scale(figure.value, found)
    if figure.scale == "share":
        return korn_graubard(figure.value, found, n)
    half = ClusteredError(found.variance / 4, found.freedom, found.fewest)
    low, high = korn_graubard((1 + figure.value) / 2, half, n)
    return 2 * low - 1, 2 * high - 1


def over_images(name: str, figure: Figure, positive: Bools, called: Bools, scores: Floats) -> Estimate:
    """The figure with its interval, where no subject is known."""
    if name == "auc":
        return delong_interval(positive, scores)
    value = figure.value
    if name in ("mcc", "average_precision"):
        alone = over_subjects(figure, positive, np.arange(len(positive)))
        return Estimate(value, alone.low, alone.high, alone.method.replace("subject", "image"))
    if name == "ppv":
        plain = proportion(int((positive & called).sum()), int(called.sum()))
        assert plain is not None
        return plain
    low, high = (_f1 if name == "f1" else _balanced)(value, positive, called)
    return Estimate(value, max(0.0, min(low, value)), min(1.0, max(high, value)), "closed form")


def brier(positive: Bools, scores: Floats, cluster: Integers | None) -> Estimate:
    """Mean squared error of scores in [0, 1]."""
    figure = figures.mean((scores - positive) ** 2)
    if cluster is not None:
        return over_subjects(figure, positive, cluster)
    return Estimate(figure.value, *wilson(figure.value, len(positive)), "closed form")


def _f1(value: float, positive: Bools, called: Bools) -> tuple[float, float]:
    low, high = wilson(value / (2 - value), int((positive | called).sum()))
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _balanced(value: float, positive: Bools, called: Bools) -> tuple[float, float]:
    a, b = float(called[positive].mean()), float((~called[~positive]).mean())
    (a_low, a_high), (b_low, b_high) = wilson(a, int(positive.sum())), wilson(b, int((~positive).sum()))
    return value - math.hypot(a - a_low, b - b_low) / 2, value + math.hypot(a_high - a, b_high - b) / 2
