"""Figures of corrupted images: what they are beside the same images unchanged and beside float32, and how sure."""

import pytest
from corruption_answers import answered, figures

from edgeall.benching.corruption_figures import corruptions
from edgeall.results.differences import MCNEMAR, SIGN_FLIP
from edgeall.statistics import holm, mcnemar_exact

IMAGES = 60


def point(found, change):
    return next(each for each in found.every if each.change == change)


def test_there_is_a_point_for_each_corruption_and_strength():
    found = figures(IMAGES, {})
    assert (found.most, found.clusters, len(found.points)) == (IMAGES, None, 40)
    assert found.unchanged.accuracy.value == 1
    assert found.unchanged.versus_clean == ()
    assert point(found, "jpeg 4").meaning == "quality 10"


def test_a_loss_is_that_from_the_same_images_unchanged():
    found = figures(IMAGES, {"unchanged": 6, "noise 5": 36, "jpeg 1": 7})
    worst = point(found, "noise 5")
    assert worst.accuracy.value == pytest.approx(0.4)
    assert worst.sensitivity.value == pytest.approx(0.4)
    assert worst.agreement.value == pytest.approx(0.5)
    accuracy = worst.versus_clean[0]
    assert (accuracy.metric, accuracy.n, accuracy.test) == ("accuracy", IMAGES, MCNEMAR)
    assert (accuracy.a, accuracy.b) == (0.9, 0.4)
    assert accuracy.delta.value == pytest.approx(-0.5)
    assert accuracy.delta.low < accuracy.delta.value < accuracy.delta.high < 0
    assert worst.loss
    assert not point(found, "jpeg 1").loss
    assert found.worst is worst


def test_p_values_are_adjusted_over_all_corruptions_and_strengths_within_a_metric():
    found = figures(IMAGES, {"noise 5": 12, "noise 4": 7, "jpeg 5": 3})
    tests = [each.versus_clean[0] for each in found.points]
    assert [each.p_adjusted for each in tests] == holm([each.p_value for each in tests])
    one = point(found, "noise 4").versus_clean[0]
    right = [True] * IMAGES
    assert one.p_value == mcnemar_exact(right, [index >= 7 for index in range(IMAGES)])
    # Alone it would be a loss; among 40 it is none.
    assert one.p_value < 0.05 < one.p_adjusted
    areas = [difference for each in found.points for difference in each.versus_clean[1:]]
    assert {each.metric for each in areas} == {"auc"}
    assert [each.p_adjusted for each in areas] == holm([each.p_value for each in areas])


def test_int8_is_compared_with_float32_on_the_same_pixels():
    found = figures(IMAGES, {"noise 3": 30}, base={"noise 3": 2})
    apart = point(found, "noise 3")
    assert apart.versus_float[0].delta.value == pytest.approx(-28 / 60)
    assert apart.below_float
    assert not point(found, "noise 2").below_float
    assert figures(IMAGES, {}).points[0].versus_float == ()


def test_subjects_are_what_is_counted_where_they_are_known():
    found = figures(IMAGES, {"noise 5": 40}, subjects=3)
    assert found.clusters == 3
    accuracy = point(found, "noise 5").versus_clean[0]
    assert accuracy.test == SIGN_FLIP
    # Three subjects can all lose in one of eight ways: no correction leaves anything of that.
    assert accuracy.p_value == 0.25
    assert found.too_few
    many = figures(IMAGES, {"noise 5": 60}, subjects=12)
    assert not many.too_few
    assert point(many, "noise 5").versus_clean[0].p_adjusted == pytest.approx(40 * 2.0**-11)
    assert point(many, "noise 5").loss


def test_refusals_are_counted_and_the_accepted_have_an_accuracy_of_their_own():
    found = figures(IMAGES, {"noise 5": 30}, {"noise 5": 24, "unchanged": 1})
    worst = point(found, "noise 5")
    assert (worst.refused, found.unchanged.refused) == (24, 1)
    # The refused ones are among the wrong ones: 6 of 36 accepted are wrong.
    assert worst.accuracy.value == pytest.approx(0.5)
    assert worst.accepted_accuracy.value == pytest.approx(30 / 36)
    assert figures(IMAGES, {"noise 5": 30}, {"noise 5": 60}).worst.accepted_accuracy is None


def test_without_a_domain_nothing_is_said_of_refusals():
    found = figures(IMAGES, {"noise 5": 30})
    assert found.worst.refused is None
    assert found.worst.accepted_accuracy is None
    assert found.worst.unnoticed


def test_images_that_cannot_be_read_have_no_say():
    of = answered(IMAGES, {"noise 5": 30})
    for record in of.records.values():
        record.result["probabilities"][0] = None
        record.result["unreadable"] = {"im0": "truncated"}
    names = [f"im{index}" for index in range(IMAGES)]
    found = corruptions(of, None, {name: index % 2 for index, name in enumerate(names)}, dict.fromkeys(names))
    assert found.most == IMAGES
    assert point(found, "noise 5").n == IMAGES - 1
    assert point(found, "noise 5").accuracy.value == pytest.approx(30 / 59)


@pytest.mark.parametrize("changes", [("unchanged",), ("noise 1", "noise 2")])
def test_without_the_unchanged_images_or_a_corruption_there_are_no_figures(changes):
    of = answered(IMAGES, {}, changes=changes)
    names = [f"im{index}" for index in range(IMAGES)]
    assert corruptions(of, None, {name: i % 2 for i, name in enumerate(names)}, dict.fromkeys(names)) is None


def test_what_failed_leaves_a_gap_and_the_rest_stands():
    found = figures(IMAGES, {"jpeg 2": 40}, changes=("unchanged", "jpeg 1", "jpeg 2"))
    assert [each.change for each in found.points] == ["jpeg 1", "jpeg 2"]
    assert point(found, "jpeg 2").loss
