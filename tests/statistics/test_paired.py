"""Two classifiers on the same images."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from edgeall.statistics import agreement, compare_f1, compare_verdicts, mcnemar_exact


def discordant(only_a: int, only_b: int, both: int = 5) -> tuple[np.ndarray, np.ndarray]:
    a = np.array([True] * only_a + [False] * only_b + [True] * both)
    b = np.array([False] * only_a + [True] * only_b + [True] * both)
    return a, b


def test_mcnemar_agrees_with_the_published_example() -> None:
    """2 against 9 discordant pairs: p = 0.06543 (the worked example of R's exact2x2)."""
    assert mcnemar_exact(*discordant(2, 9)) == pytest.approx(0.06543, abs=5e-6)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_does_not_mind_the_order(only_a: int, only_b: int) -> None:
    a, b = discordant(only_a, only_b)
    assert mcnemar_exact(a, b) == mcnemar_exact(b, a)
    if only_a == only_b:
        assert mcnemar_exact(a, b) == 1.0


def test_agreement() -> None:
    found = agreement([True, False, True, True], [True, False, False, True])
    assert found is not None
    assert found.value == 0.75
    assert agreement([], []) is None


def test_the_difference_counts_images_that_one_alone_has_right() -> None:
    truth = np.ones(100, dtype=bool)
    a, b = discordant(3, 13, both=84)
    found = compare_verdicts(truth, a, b)
    assert (found.only_a, found.only_b, found.n) == (3, 13, 100)
    assert found.accuracy_delta.value == pytest.approx(0.10)
    assert found.agreement.value == pytest.approx(0.84)
    assert found.p_value == pytest.approx(binomtest(3, 16).pvalue)
    assert 0 < found.accuracy_delta.low < 0.10 < found.accuracy_delta.high
    assert found.p_value_over_subjects is None
    document = json.loads(json.dumps(found.to_dict()))
    assert document["accuracy_delta"] == pytest.approx(0.10)
    assert document["accuracy_delta_interval"] == {
        "low": found.accuracy_delta.low,
        "high": found.accuracy_delta.high,
    }


def test_bonett_and_prices_interval_by_hand() -> None:
    """14 against 9 of 50 pairs: (15 - 10) / 52 -+ 1.96 sqrt((25/52 - (5/52)^2) / 52)."""
    a, b = discordant(9, 14, both=27)
    found = compare_verdicts(np.ones(50, dtype=bool), a, b).accuracy_delta
    assert (found.low, found.high) == (pytest.approx(-0.0904, abs=2e-4), pytest.approx(0.2827, abs=2e-4))


def test_equal_verdicts_on_22_images_leave_room_for_a_difference() -> None:
    verdicts = np.arange(22) % 2 == 0
    found = compare_verdicts(verdicts, verdicts, verdicts)
    assert found.p_value == 1.0
    assert found.accuracy_delta.low < -0.1
    assert found.accuracy_delta.high > 0.1


def test_equal_verdicts_on_every_image_of_known_subjects_have_a_difference_of_0_and_no_interval() -> None:
    """Whether other images would differ in few subjects or in all is not known: no ends, rather than absurd ones."""
    verdicts = np.arange(300) % 3 == 0
    truth = np.arange(300) % 2 == 0
    for subjects in (3, 20):
        found = compare_verdicts(
            truth, verdicts, verdicts, [f"s{index * subjects // 300}" for index in range(300)]
        )
        assert (found.accuracy_delta.value, found.p_value, found.p_value_over_subjects) == (0.0, 1.0, 1.0)
        assert (found.accuracy_delta.low, found.accuracy_delta.high) == (None, None)
        assert "equal verdicts" in found.accuracy_delta.method
        assert found.agreement.value == found.agreement.high == 1.0
        assert found.agreement.low == pytest.approx(0.025 ** (1 / subjects))
        assert found.to_dict()["accuracy_delta_interval"] == {"low": None, "high": None}


def test_one_verdict_that_differs_has_an_interval_again() -> None:
    truth = np.arange(300) % 2 == 0
    b = truth.copy()
    b[0] = not b[0]
    found = compare_verdicts(truth, truth, b, [f"s{index // 15}" for index in range(300)]).accuracy_delta
    assert found.value == pytest.approx(-1 / 300)
    assert -0.05 < found.low < -1 / 300 < 0 < found.high < 0.05


def test_one_image_a_subject_is_as_good_as_independent_images() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random(500) < 0.5
    a, b = truth ^ (rng.random(500) < 0.2), truth ^ (rng.random(500) < 0.1)
    alone = compare_verdicts(truth, a, b).accuracy_delta
    over = compare_verdicts(truth, a, b, [str(index) for index in range(500)]).accuracy_delta
    assert (over.low, over.high) == (pytest.approx(alone.low, abs=1e-3), pytest.approx(alone.high, abs=1e-3))


def test_a_gain_within_one_subject_is_weak_evidence() -> None:
    """Twelve images gained look significant; all of one subject of six, they are not."""
    truth = np.ones(120, dtype=bool)
    a, b = truth.copy(), truth.copy()
    a[:12] = False
    groups = [f"s{index // 20}" for index in range(120)]
    found = compare_verdicts(truth, a, b, groups)
    assert found.p_value < 0.001
    assert found.p_value_over_subjects == 1.0
    assert found.accuracy_delta.low < 0.0 < found.accuracy_delta.high


def test_a_gain_in_every_subject_is_evidence() -> None:
    truth = np.ones(200, dtype=bool)
    a = np.arange(200) % 20 >= 5
    groups = [f"s{index // 20}" for index in range(200)]
    found = compare_verdicts(truth, a, truth, groups)
    assert found.p_value_over_subjects == pytest.approx(2 / 2**10)
    assert found.accuracy_delta.value == 0.25
    assert found.accuracy_delta.low < 0.25 < found.accuracy_delta.high


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30), st.data())
def test_whatever_comes_the_interval_holds_its_value(
    rows: list[tuple[bool, bool, bool]], data: st.DataObject
) -> None:
    truth, a, b = zip(*rows, strict=True)
    groups = data.draw(
        st.none() | st.lists(st.sampled_from(["x", "y", None]), min_size=len(rows), max_size=len(rows))
    )
    found = compare_verdicts(truth, a, b, groups)
    delta = found.accuracy_delta
    if delta.low is None or delta.high is None:
        assert delta.method.startswith("no interval")
        assert found.p_value_over_subjects == 1.0
    else:
        assert -1 <= delta.low <= delta.value <= delta.high <= 1
        assert delta.low < delta.high
    assert 0 < found.p_value <= 1
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("of_one", [1, 8], ids=["images", "subjects"])
def test_the_interval_of_a_difference_of_f1_is_that_of_a_bootstrap(of_one: int) -> None:
    """Resampled within each class, by images or by subjects of eight images that are answered alike."""
    noise = np.random.default_rng(4)
    truth = np.repeat([True, False], [80 * of_one, 120 * of_one])
    subject = np.arange(200).repeat(of_one)
    a, b = (truth ^ (noise.random(200) < rate)[subject] for rate in (0.25, 0.15))
    found = compare_f1(truth, a, b, None if of_one == 1 else [f"s{number}" for number in subject])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(f1_score(truth, b) - f1_score(truth, a))
    drawn = []
    for _ in range(1500):
        chosen = np.concatenate([noise.choice(80, 80), 80 + noise.choice(120, 120)])
        rows = (chosen[:, None] * of_one + np.arange(of_one)).ravel()
        drawn.append(f1_score(truth[rows], b[rows]) - f1_score(truth[rows], a[rows]))
    assert found.high - found.low == pytest.approx(np.diff(np.quantile(drawn, [0.025, 0.975]))[0], rel=0.12)


def test_a_difference_of_f1_without_an_interval() -> None:
    truth = [True, True, False, False]
    equal = compare_f1(truth, truth, truth)
    assert equal is not None
    assert (equal.value, equal.low, equal.high) == (0.0, None, None)
    one = compare_f1(truth, truth, [True, False, False, False], ["a", "a", "b", "c"])
    assert one is not None
    assert (one.low, one.method) == (None, "no interval: fewer than two subjects in a class")
    assert compare_f1([False], [False], [False]) is None
