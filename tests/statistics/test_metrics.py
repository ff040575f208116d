"""What probabilities are worth: values are scikit-learn's, intervals honest at the edges, undefined is None."""

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from edgeall.artifact import Decision
from edgeall.statistics import Estimate, Metrics, classification_metrics

BINARY = Decision(("hem", "all"), ("all",))
FOUR = Decision(("benign", "early", "pre", "pro"), ("early", "pre", "pro"))


def score(truth: list[int], scores: list[float], groups: list[str | None] | None = None) -> Metrics:
    p = np.asarray(scores, dtype=np.float32)
    return classification_metrics(truth, np.stack([1 - p, p], axis=1), BINARY, groups)


def test_where_subjects_are_known_every_interval_counts_them() -> None:
    """Two people each: one answered right throughout, one wrong throughout, which is no more than one in two."""
    truth = [0] * 20 + [1] * 20
    scores = [0.1] * 10 + [0.9] * 20 + [0.1] * 10
    groups: list[str | None] = [name for name in "abcd" for _ in range(10)]
    alone, over = score(truth, scores), score(truth, scores, groups)
    for name in ("accuracy", "sensitivity", "specificity", "ppv", "f1", "balanced_accuracy", "brier"):
        images, people = getattr(alone, name), getattr(over, name)
        assert people.value == pytest.approx(images.value), name
        assert people.low < images.low < images.high < people.high, name


def test_the_document_repeats_the_shares_under_their_old_names_where_subjects_are_known() -> None:
    truth, scores = [0, 0, 1, 1], [0.1, 0.7, 0.8, 0.9]
    known, unknown = score(truth, scores, ["a", "b", "c", "d"]).to_dict(), score(truth, scores).to_dict()
    for name in ("accuracy", "sensitivity", "specificity"):
        assert known[f"{name}_over_subjects"] == known[name]
        assert unknown[f"{name}_over_subjects"] is None


def test_of_three_people_two_of_a_class_leave_the_area_without_an_interval() -> None:
    truth = [0] * 20 + [1] * 40
    scores = list(np.linspace(0.05, 0.6, 20)) + list(np.linspace(0.3, 0.9, 40))
    found = score(truth, scores, ["a"] * 20 + ["b"] * 20 + ["c"] * 20)
    for name in ("auc", "average_precision", "f1", "ppv", "mcc", "balanced_accuracy", "specificity"):
        estimate = getattr(found, name)
        assert (estimate.low, estimate.high) == (None, None), name
        assert estimate.method.startswith("no interval"), name
    for name in ("accuracy", "sensitivity", "brier"):
        assert getattr(found, name).low is not None, name
    assert json.loads(json.dumps(found.to_dict()))["auc"]["low"] is None


def test_a_referral_band_is_told_as_promised_and_of_what_is_answered() -> None:
    """Of four positives one is referred and one missed; of four negatives two are referred, none alarmed."""
    truth = [0, 0, 0, 0, 1, 1, 1, 1]
    scores = [0.1, 0.2, 0.45, 0.5, 0.1, 0.5, 0.8, 0.9]
    decision = Decision(("hem", "all"), ("all",), 0.5, (0.4, 0.6))
    table = [[1 - p, p] for p in scores]
    found = classification_metrics(truth, table, decision, list("abcdefgh")).referral
    assert found is not None
    assert (found.low, found.high, found.referred.value) == (0.4, 0.6, 3 / 8)
    assert (found.sensitivity.value, found.specificity.value) == (0.75, 1.0)
    assert found.answered_sensitivity.value == pytest.approx(2 / 3)
    assert found.answered_specificity.value == 1.0
    two = classification_metrics(truth, table, decision, ["a"] * 4 + ["b"] * 4).referral
    assert two.sensitivity.low is None, "one person with a finding"
    assert score(truth, scores).referral is None
    told = json.loads(json.dumps(classification_metrics(truth, table, decision).to_dict()))["referral"]
    assert told["referred"]["value"] == 3 / 8


def test_a_worked_example() -> None:
    found = score([0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.6, 0.3, 0.9, 0.8, 0.4, 0.7])
    assert found.confusion == {"tn": 3, "fp": 1, "fn": 1, "tp": 3}
    for name in ("accuracy", "ppv", "sensitivity", "specificity", "f1", "balanced_accuracy"):
        assert getattr(found, name).value == pytest.approx(0.75), name
    assert found.mcc is not None
    assert found.mcc.value == pytest.approx(0.5)
    assert found.auc is not None
    assert found.auc.value == 15 / 16
    assert found.brier.value == pytest.approx((0.01 + 0.04 + 0.36 + 0.09 + 0.01 + 0.04 + 0.36 + 0.09) / 8)


def test_a_perfect_result_on_22_images_claims_no_certainty() -> None:
    """The published test set: 12 healthy, 10 ALL, all right."""
    found = score([0] * 12 + [1] * 10, [0.1] * 12 + [0.9] * 10)
    for name in ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "f1"):
        estimate = getattr(found, name)
        assert estimate.value == estimate.high == 1.0, name
        assert 0.7 < estimate.low < 0.9, name
    for name in ("auc", "average_precision", "mcc"):
        assert 0.3 < getattr(found, name).low < 0.85, name
    assert found.brier.high is not None
    assert found.brier.high > 0.1


def test_images_of_few_subjects_count_for_less() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1] * 5, 30)
    groups: list[str | None] = [f"s{index // 30}" for index in range(300)]
    scores = np.clip(truth * 0.3 + 0.35 + np.repeat(rng.normal(0, 0.15, 10), 30), 0, 1)
    alone, grouped = score(list(truth), list(scores)), score(list(truth), list(scores), groups)
    assert alone.clusters is None
    assert grouped.clusters == 10
    assert grouped.accuracy.low < alone.accuracy.low
    assert grouped.auc is not None
    assert alone.auc is not None
    assert grouped.auc.high - grouped.auc.low > alone.auc.high - alone.auc.low


def test_a_perfect_result_on_two_subjects_says_next_to_nothing() -> None:
    found = score([0] * 50 + [1] * 50, [0.1] * 50 + [0.9] * 50, ["a"] * 50 + ["b"] * 50)
    assert found.auc is not None
    assert found.auc.low is None
    assert found.accuracy.low == pytest.approx(0.025**0.5)


def test_one_class_leaves_what_compares_two_undefined() -> None:
    found = score([1, 1, 1], [0.9, 0.8, 0.2])
    assert found.sensitivity is not None
    for name in ("specificity", "balanced_accuracy", "auc", "average_precision", "mcc"):
        assert getattr(found, name) is None, name
    nothing = score([0, 0], [0.1, 0.2])
    assert (nothing.ppv, nothing.sensitivity, nothing.f1) == (None, None, None)


def test_calibration_error_of_known_bins() -> None:
    """Ten images at 0.75 of which 5 are positive, ten at 0.05 of which none is: (10*.25 + 10*.05) / 20."""
    found = score([1] * 5 + [0] * 15, [0.75] * 10 + [0.05] * 10)
    assert found.ece == pytest.approx(0.15, abs=1e-6)


def test_four_classes_are_scored_as_a_finding_and_as_classes() -> None:
    truth = [0, 0, 1, 1, 2, 2, 3, 3]
    p = np.full((8, 4), 0.1)
    p[np.arange(8), [0, 1, 1, 2, 2, 2, 3, 0]] = 0.7
    found = classification_metrics(truth, p, FOUR)
    assert found.confusion == {"tn": 1, "fp": 1, "fn": 1, "tp": 5}
    assert found.classes is not None
    assert found.classes.confusion == ((1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 2, 0), (1, 0, 0, 1))
    assert found.classes.accuracy.value == 5 / 8
    chosen = p.argmax(axis=1)
    assert found.classes.f1 == pytest.approx(reference.f1_score(truth, chosen, average="macro"))
    assert found.classes.auc == pytest.approx(
        reference.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    )
    document = json.loads(json.dumps(found.to_dict()))["classes"]
    assert document["macro"]["f1"] == found.classes.f1
    recalls = reference.recall_score(truth, chosen, average=None)
    assert [document["recall_by_class"][label]["value"] for label in FOUR.labels] == pytest.approx(
        list(recalls)
    )


def test_an_exchange_of_two_classes_with_a_finding_shows_in_the_classes_alone() -> None:
    truth = [0, 0, 1, 1, 2, 2, 3, 3]
    right = np.full((8, 4), 0.1) + 0.6 * np.eye(4)[truth]
    exchanged = right[:, [0, 2, 1, 3]]
    before, after = (classification_metrics(truth, table, FOUR) for table in (right, exchanged))
    assert after.accuracy == before.accuracy
    assert before.classes.accuracy.value == 1.0
    assert after.classes.accuracy.value == 0.5
    assert [recall.value for recall in after.classes.recalls] == [1.0, 0.0, 0.0, 1.0]


ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 1, width=32), st.sampled_from(["a", "b", "c", None])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.booleans())
def test_whatever_comes_every_interval_holds_its_value_and_is_json(
    rows: list[tuple[int, float, str | None]], known: bool
) -> None:
    groups = [row[2] for row in rows] if known else None
    found = score([row[0] for row in rows], [row[1] for row in rows], groups)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["n"] == len(rows)
    for field in fields(found):
        value = getattr(found, field.name)
        if isinstance(value, Estimate):
            least = -1 if field.name == "mcc" else 0
            if value.low is None:
                assert value.high is None
                assert value.method.startswith("no interval"), field.name
                continue
            assert value.high is not None
            assert least <= value.low <= value.value <= value.high <= 1, field.name


@settings(max_examples=40, deadline=None)
@given(ROWS.filter(lambda rows: len({row[0] for row in rows}) == 2))
def test_values_are_scikit_learns(rows: list[tuple[int, float, str | None]]) -> None:
    truth, scores = [row[0] for row in rows], np.float32([row[1] for row in rows])
    found = score(truth, list(scores))
    called = scores >= 0.5
    assert found.auc is not None
    assert found.f1 is not None
    assert found.mcc is not None
    assert found.balanced_accuracy is not None
    assert found.auc.value == pytest.approx(reference.roc_auc_score(truth, scores))
    assert found.f1.value == pytest.approx(reference.f1_score(truth, called, zero_division=0))
    assert found.mcc.value == pytest.approx(reference.matthews_corrcoef(truth, called), abs=1e-9)
    assert found.balanced_accuracy.value == pytest.approx(reference.balanced_accuracy_score(truth, called))
    assert found.brier.value == pytest.approx(np.mean((scores - truth) ** 2), abs=1e-6)


@pytest.mark.parametrize(
    ("truth", "probabilities"),
    [([], np.zeros((0, 2))), ([0, 1], [[0.5, 0.5]]), ([0], [[0.2, 0.3, 0.5]]), ([0], [[np.nan, 0.5]])],
)
def test_nonsense_is_refused(truth: list[int], probabilities: object) -> None:
    with pytest.raises(ValueError, match=r"truths|labels|finite"):
        classification_metrics(truth, np.asarray(probabilities, dtype=float), BINARY)
