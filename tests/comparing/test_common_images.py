"""Which images two models have in common, and what each is worth on its own."""

import numpy as np
import pytest

from edgeall.comparing.common_images import Answers, common
from edgeall.errors import UsageError


def answers(
    names: str, hashes: str | None = None, findings: str = "", called: str = "", **changes: object
) -> Answers:
    """One letter an image: its name, its content; those of `findings` are positive, of `called` called so."""
    scores = np.array([0.9 if name in called else 0.1 for name in names])
    return Answers(
        tuple(names),
        None if hashes is None else tuple(hashes),
        None,
        np.array([name in findings for name in names]),
        scores >= 0.5,
        scores,
        **changes,  # type: ignore[arg-type]
    )


def test_images_are_the_same_by_content_whatever_they_are_called() -> None:
    a = answers("abc", "123", findings="a")
    b = answers("xyz", "931", findings="z")
    both = common(a, b)
    assert both is not None
    assert [one.names for one in both] == [("a", "c"), ("z", "y")]


def test_where_content_is_not_known_names_tell() -> None:
    both = common(answers("abc", "123"), answers("cxa"))
    assert both is not None
    assert [one.names for one in both] == [("a", "c"), ("a", "c")]


def test_equal_names_of_other_content_are_other_images() -> None:
    assert common(answers("abc", "123"), answers("abc", "456")) is None


def test_copies_are_as_many_pairs_as_both_have() -> None:
    both = common(answers("abc", "111"), answers("xy", "11"))
    assert both is not None
    assert len(both[0].names) == 2


def test_another_truth_is_refused_and_named() -> None:
    with pytest.raises(UsageError, match=r"1 of 2 common .* \(b: a finding against healthy\)"):
        common(answers("ab", findings="b"), answers("abc"[:2]))


def test_figures_are_of_each_images_own_verdict() -> None:
    truth = np.repeat([False, True], [12, 10])
    called = truth.copy()
    called[[0, 1]] = True
    # Thresholds differ by image, as in pooled folds: a called image may score below one that is not.
    scores = np.where(called, 0.4, 0.6) + np.linspace(0, 0.1, 22)
    found = Answers(tuple(map(str, range(22))), None, None, truth, called, scores).figures
    assert found["accuracy"].value == pytest.approx(20 / 22)
    # Newcombe, Statistics in Medicine 17 (1998): Wilson's interval of 20 in 22.
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx((0.7219, 0.9747), abs=1e-4)
    assert found["sensitivity"].value == 1.0
    assert found["specificity"].value == pytest.approx(10 / 12)
    assert found["auc"].value < 0.5
    assert "class_accuracy" not in found


def test_the_accuracy_of_classes_is_the_share_of_images_rightly_named() -> None:
    found = answers("abcd", findings="ab", called="ab", chosen_right=np.array([True, False, True, True]))
    assert found.figures["accuracy"].value == 1.0
    assert found.figures["class_accuracy"].value == 0.75


def test_without_scores_there_is_no_auc() -> None:
    truth = np.array([True, False])
    assert "auc" not in Answers(("a", "b"), None, None, truth, truth, None).figures
