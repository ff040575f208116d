"""The variance over subjects: Obuchowski's by its definition, DeLong's as the special case, and no interval of one."""

import math

import numpy as np
import pytest
from scipy.stats import beta, t

from edgeall.statistics import figures
from edgeall.statistics.clustered import clusters, korn_graubard, on_logit_scale, spread
from edgeall.statistics.intervals import over_subjects, share


def drawn(
    sizes: list[int], classes: list[bool | None], seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Subjects with so many images, each of one class or (None) of both in turn."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(len(sizes)), sizes)
    positive = np.concatenate(
        [
            np.arange(n) % 2 == 0 if of is None else np.full(n, of)
            for n, of in zip(sizes, classes, strict=True)
        ]
    )
    scores = np.round(positive + rng.normal(size=len(sizes))[subject] + rng.normal(size=len(subject)), 1)
    return positive, scores, subject


def obuchowski(positive: np.ndarray, scores: np.ndarray, subject: np.ndarray) -> float:
    """Biometrics 53 (1997), loop by loop: V = (S10/m' ... ) with sums of DeLong's components over each subject."""
    hits, others = scores[positive], scores[~positive]
    m, n = len(hits), len(others)
    above = [sum((x > y) + 0.5 * (x == y) for y in others) / n for x in hits]
    below = [sum((x > y) + 0.5 * (x == y) for x in hits) / m for y in others]
    area = sum(above) / m
    owners_of_hits, owners_of_others = subject[positive], subject[~positive]
    everyone = sorted(set(subject))
    with_hits, with_others = set(owners_of_hits), set(owners_of_others)
    s10 = s01 = s11 = 0.0
    for who in everyone:
        x = sum(v - area for v, owner in zip(above, owners_of_hits, strict=True) if owner == who)
        y = sum(v - area for v, owner in zip(below, owners_of_others, strict=True) if owner == who)
        s10 += x * x * len(with_hits) / ((len(with_hits) - 1) * m)
        s01 += y * y * len(with_others) / ((len(with_others) - 1) * n)
        s11 += x * y * len(everyone) / (len(everyone) - 1)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


@pytest.mark.parametrize(
    "classes",
    [
        [True, True, False, False],
        [True] * 3 + [False] * 5,
        [None] * 6,
        [True, True, True, False, False, False, None, None, None],
    ],
)
def test_for_subjects_with_as_many_images_the_variance_is_obuchowskis(classes: list[bool | None]) -> None:
    positive, scores, subject = drawn([12] * len(classes), classes)
    # Of subjects with images of both classes half are of either.
    if None in classes and classes[0] is not None:
        positive, scores, subject = drawn([12 if of is None else 6 for of in classes], classes)
    found = spread(figures.auc(positive, scores).influence, subject, [positive, ~positive])
    assert found is not None
    exact = obuchowski(positive, scores, subject)
    independent = obuchowski(positive, scores, np.arange(len(positive)))
    assert found.variance == pytest.approx(max(exact, independent), rel=1e-9)


def test_one_image_a_subject_is_delongs_variance() -> None:
    positive, scores, _ = drawn([1] * 90, [index % 3 == 0 for index in range(90)])
    of_hits, of_others = (part[0] for part in figures.components(positive, scores[None]))
    found = spread(figures.auc(positive, scores).influence, np.arange(90), [positive, ~positive])
    assert found is not None
    assert found.variance == pytest.approx(of_hits.var(ddof=1) / 30 + of_others.var(ddof=1) / 60)


@pytest.mark.parametrize("sizes", [[5, 5, 5, 5], [19, 11, 113, 7], [1, 1, 1, 200], [30, 2]])
def test_factor_and_degrees_of_freedom_are_those_of_bell_and_mccaffreys_quadratic_form(
    sizes: list[int],
) -> None:
    subject = np.repeat(np.arange(len(sizes)), sizes)
    values = np.random.default_rng(0).normal(size=len(sizes))[subject]
    found = spread((values - values.mean()) / len(values), subject, [np.ones(len(values), bool)])
    assert found is not None
    weight = np.array(sizes) / sum(sizes)
    of_means = np.diag(weight) @ (np.eye(len(sizes)) - np.outer(np.ones(len(sizes)), weight))
    form = of_means @ of_means.T
    sums = of_means @ values[np.cumsum(sizes) - 1]
    assert found.variance == pytest.approx((weight**2).sum() / np.trace(form) * (sums @ sums))
    assert found.freedom == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form))


def test_the_variance_is_unbiased_for_subjects_of_unequal_sizes_whose_means_vary_alike() -> None:
    """A plain factor m / (m - 1) would find a third of it where one subject has most of the images."""
    sizes, rng = [7, 11, 18, 113], np.random.default_rng(0)
    subject, weight = np.repeat(np.arange(4), sizes), np.array(sizes) / 149
    found = []
    for _ in range(4000):
        values = rng.normal(size=4)[subject]
        estimate = spread((values - values.mean()) / 149, subject, [np.ones(149, bool)])
        assert estimate is not None
        found.append(estimate.variance)
    assert np.mean(found) == pytest.approx((weight**2).sum(), rel=0.08)


def test_degrees_of_freedom_over_two_classes_are_satterthwaites() -> None:
    positive, scores, subject = drawn([10] * 8, [True] * 3 + [False] * 5)
    influence = figures.auc(positive, scores).influence
    found = spread(influence, subject, [positive, ~positive])
    parts = [spread(influence, subject, [those]) for those in (positive, ~positive)]
    assert found is not None
    variances = [part.variance for part in parts if part]
    expected = sum(variances) ** 2 / (variances[0] ** 2 / 2 + variances[1] ** 2 / 4)
    assert 2 <= expected <= 6
    assert found.freedom == pytest.approx(expected)


@pytest.mark.parametrize("classes", [[True, False], [True, True, False], [True, False, False, False]])
def test_of_one_subject_in_a_class_nothing_tells_how_subjects_differ(classes: list[bool]) -> None:
    positive, scores, subject = drawn([20] * len(classes), classes)
    figure = figures.auc(positive, scores)
    assert spread(figure.influence, subject, [positive, ~positive]) is None
    found = over_subjects(figure, positive, subject)
    assert (found.low, found.high) == (None, None)
    assert found.method.startswith("no interval")
    assert found.value == figure.value


def test_a_share_has_korn_and_graubards_interval() -> None:
    """Clopper and Pearson's at the effective number of images, reduced by (z / t)^2."""
    right = np.array([True] * 9 + [False] + [True] * 6 + [False] * 4 + [True] * 8 + [False] * 2)
    subject = np.repeat([0, 1, 2], 10)
    found = share(right, subject)
    assert found is not None
    rates = np.array([0.9, 0.6, 0.8])
    variance = rates.var(ddof=1) / 3
    p = rates.mean()
    n = min(30.0, p * (1 - p) / variance) * (1.959964 / t.ppf(0.975, 2)) ** 2
    assert found.low == pytest.approx(beta.ppf(0.025, p * n, n - p * n + 1), rel=1e-5)
    assert found.high == pytest.approx(beta.ppf(0.975, p * n + 1, n - p * n), rel=1e-5)


@pytest.mark.parametrize(("subjects", "low"), [(2, 0.1581), (3, 0.2924), (8, 0.6306), (20, 0.8316)])
def test_all_right_counts_each_subject_once(subjects: int, low: float) -> None:
    """0.025^(1/m): the rate at which all of m subjects are right throughout one time in forty."""
    found = share(np.ones(50 * subjects, bool), np.repeat(np.arange(subjects), 50))
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / subjects))


def test_a_perfect_ranking_counts_separate_pairs_of_subjects() -> None:
    positive = np.repeat([True, True, True, False, False], 30)
    scores = positive * 0.5 + np.linspace(0, 0.4, 150)
    found = over_subjects(figures.auc(positive, scores), positive, np.repeat(np.arange(5), 30))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 2))


def test_copies_of_an_image_tell_nothing_new_of_its_subject() -> None:
    positive, scores, subject = drawn([1] * 16, [index % 2 == 0 for index in range(16)])
    once = over_subjects(figures.auc(positive, scores), positive, subject)
    copied = [np.repeat(column, 9) for column in (positive, scores, subject)]
    again = over_subjects(figures.auc(copied[0], copied[1]), copied[0], copied[2])
    assert (again.low, again.high) == (pytest.approx(once.low), pytest.approx(once.high))


def test_thousands_of_subjects_make_no_matrix() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(40_000) < 0.9
    found = share(right, np.arange(40_000))
    assert found is not None
    half = 1.96 * math.sqrt(0.09 / 40_000)
    assert (found.low, found.high) == (
        pytest.approx(right.mean() - half, abs=2e-4),
        pytest.approx(right.mean() + half, abs=2e-4),
    )


def test_the_interval_on_the_logit_scale_is_students() -> None:
    positive, scores, subject = drawn([10] * 8, [True, False] * 4)
    figure = figures.auc(positive, scores)
    found = spread(figure.influence, subject, [positive, ~positive])
    assert found is not None
    low, high = on_logit_scale(figure.value, found)
    middle = math.log(figure.value / (1 - figure.value))
    half = t.ppf(0.975, found.freedom) * math.sqrt(found.variance) / (figure.value * (1 - figure.value))
    assert math.log(low / (1 - low)) == pytest.approx(middle - half)
    assert math.log(high / (1 - high)) == pytest.approx(middle + half)
    assert korn_graubard(figure.value, found, math.inf)[0] < figure.value


def test_unknown_subjects() -> None:
    assert clusters(None, 3) is None
    assert clusters([None, None, None], 3) is None
    mixed = clusters(["a", None, None, "a"], 4)
    assert mixed is not None
    assert len(set(mixed)) == 3
    assert mixed[0] == mixed[3]
    with pytest.raises(ValueError, match="2 subjects for 3 images"):
        clusters(["a", "b"], 3)
