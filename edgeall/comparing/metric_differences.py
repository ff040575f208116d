"""How far two models lie apart, in each metric, and what the test images say of that."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from edgeall.comparing.common_images import METRICS, Answers
from edgeall.results.differences import Difference, auc_test, verdict_test
from edgeall.statistics import Estimate, independent_difference


def paired(a: Answers, b: Answers) -> tuple[Difference, ...]:
    """On the same images in the same order. Subjects are taken from the first that knows them."""
    groups = a.subjects if a.subjects is not None else b.subjects
    truth = a.positive
    found = [verdict_test("accuracy", truth, a.called, b.called, groups)]
    if a.chosen_right is not None and b.chosen_right is not None:
        every = np.ones_like(truth)
        found.append(verdict_test("class_accuracy", every, a.chosen_right, b.chosen_right, groups))
    for metric, those in (("sensitivity", truth), ("specificity", ~truth)):
        if those.any():
            some = None if groups is None else tuple(groups[row] for row in np.flatnonzero(those))
            found.append(verdict_test(metric, truth[those], a.called[those], b.called[those], some))
    if (auc := _auc(a, b, groups)) is not None:
        found.append(auc)
    return tuple(found)


def separate(a: Mapping[str, Estimate], b: Mapping[str, Estimate]) -> tuple[Difference, ...]:
    """Between models that were tested on different images: no test of pairs."""
    return tuple(
        Difference(
            name, None, independent_difference(a[name], b[name]), None, None, a=a[name].value, b=b[name].value
        )
        for name in METRICS
        if name in a and name in b
    )


def _auc(a: Answers, b: Answers, groups: tuple[str | None, ...] | None) -> Difference | None:
    from sklearn.metrics import roc_auc_score

    if a.scores is None or b.scores is None:
        return None
    found = auc_test(a.positive.tolist(), a.scores.tolist(), b.scores.tolist(), groups)
    if found is None:
        return None
    area = float(roc_auc_score(a.positive, a.scores))
    return dataclasses.replace(found, a=area, b=area + found.delta.value)
