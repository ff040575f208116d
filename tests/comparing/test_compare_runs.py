"""Runs side by side: pairs, the ranking, what is beyond a tolerance, and what cannot be compared."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from answered_run import make_answered_run

from edgeall import predictions
from edgeall.comparing import Tolerances, compare, paragraphs, rankings, to_json
from edgeall.errors import RunError, UsageError
from edgeall.predictions import Predictions

SIX = {
    "vgg16": [0, 1, 12],
    "vgg19": [0, 12],
    "inceptionv3": [3, 20],
    "mobilenetv2": [2, 3],
    "resnet101v2": [5],
    "densenet201": [],
}
"""Of 22 images, as the published test set has."""


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [make_answered_run(root / name, wrong).path for name, wrong in SIX.items()]


def test_a_published_ranking_on_22_images_is_supported_in_nothing(six: list[Path]) -> None:
    outcome = compare(six)
    assert len(outcome.comparisons) == 15
    (ranking,) = rankings(outcome)
    assert [name for name, _ in ranking.order][:2] == ["densenet201", "resnet101v2"]
    assert ranking.order[-1][0] == "vgg16"
    assert (ranking.pairs, ranking.supported, ranking.untested) == (15, (), 0)
    # 2 / 2^10 is the first below 0.05 / 15.
    assert ranking.needed == 10
    text = " ".join(paragraphs(outcome))
    assert "Of the 15 differences in this ranking the data support none" in text
    assert "With 22 images" in text
    assert "at least 10" in text
    assert "45.5 points" in text
    assert "Split by image: optimistic" in text


def test_every_pair_is_adjusted_for_all_of_them(six: list[Path]) -> None:
    outcome = compare(six)
    raw = sorted(c.differences[0].p_value for c in outcome.comparisons)
    # Three wrong against none: 2 / 2^3; adjusted for 15 it is 1, as are all others.
    assert raw[0] == pytest.approx(0.25)
    assert {c.differences[0].p_adjusted for c in outcome.comparisons} == {1.0}


def test_a_difference_that_is_large_enough_is_supported(tmp_path: Path) -> None:
    good, fair, bad = (
        make_answered_run(tmp_path / name, wrong, negatives=30, positives=30).path
        for name, wrong in (("good", []), ("fair", [0]), ("bad", list(range(0, 60, 4))))
    )
    (ranking,) = rankings(compare([bad, fair, good]))
    assert ranking.supported == (("fair", "bad"), ("good", "bad"))
    text = paragraphs(compare([bad, fair, good]))[1]
    assert "support 2 (after Holm's correction): fair over bad and good over bad." in text


def test_what_later_ones_lose_is_held_against_the_tolerance(six: list[Path]) -> None:
    by_name = {path.name: path for path in six}
    best, worst = by_name["densenet201"], by_name["vgg16"]
    outcome = compare([best, worst])
    # 3 of 22 lost; the scores of the three lie on the wrong side of all others.
    assert [(w.name, w.figure.metric, w.figure.shown) for w in outcome.worse] == [
        ("vgg16", "accuracy", False),
        ("vgg16", "auc", False),
    ]
    assert compare([best, worst], Tolerances(accuracy=3 / 22, auc=0.5)).worse == ()
    assert compare([worst, best]).worse == ()
    assert (
        "beyond the tolerance of 1 point, though the data do not show a difference" in paragraphs(outcome)[0]
    )


def test_a_tolerance_that_nothing_can_be_held_against_is_refused(tmp_path: Path) -> None:
    a, b = (make_answered_run(tmp_path / name, [], negatives=12, positives=0).path for name in "ab")
    with pytest.raises(UsageError, match=r"in sensitivity.*leave --tolerance-sensitivity out"):
        compare([a, b], Tolerances(sensitivity=0.02))
    assert compare([a, b], Tolerances(specificity=0.02)).worse == ()


def test_exactly_the_tolerance_is_not_beyond_it(tmp_path: Path) -> None:
    a = make_answered_run(tmp_path / "a", list(range(10)), negatives=60, positives=40).path
    b = make_answered_run(tmp_path / "b", list(range(11)), negatives=60, positives=40).path
    assert 0.89 - 0.90 < -0.01
    assert compare([a, b], Tolerances(accuracy=0.01, auc=1.0)).worse == ()


def test_people_are_counted_where_they_are_known(tmp_path: Path) -> None:
    a = make_answered_run(tmp_path / "a", [], subjects=6).path
    b = make_answered_run(tmp_path / "b", [0, 3], subjects=6).path
    c = make_answered_run(tmp_path / "c", [1], subjects=6).path
    outcome = compare([a, b, c])
    assert outcome.comparisons[0].subjects == 6
    assert outcome.comparisons[0].differences[0].test == "sign-flip permutation over subjects"
    text = " ".join(paragraphs(outcome))
    assert "on 22 common test images of 6 subjects" in text
    assert "The images are of 6 subjects only" in text
    # 2 / 2^6 is not below 0.05 / 3.
    assert "With images of 6 subjects none could be shown, however large." in text


def test_sets_that_overlap_are_paired_on_what_they_share(tmp_path: Path) -> None:
    a = make_answered_run(tmp_path / "a", [0], negatives=10, positives=10).path
    b = make_answered_run(tmp_path / "b", [15], negatives=6, positives=10, numbers=range(4, 20)).path
    outcome = compare([a, b])
    (comparison,) = outcome.comparisons
    assert (comparison.common, comparison.n) == (16, (20, 16))
    # The image that a has wrong is not among the common ones.
    assert (comparison.differences[0].a, comparison.differences[0].b) == (1.0, 15 / 16)
    text = " ".join(paragraphs(outcome))
    assert "on 16 common test images (of 20 and 16)" in text
    assert "overlap in part" in text


def test_other_test_images_stand_side_by_side_untested(tmp_path: Path) -> None:
    a = make_answered_run(tmp_path / "a", []).path
    b = make_answered_run(tmp_path / "b", [0, 1, 2, 3, 12, 13, 14], numbers=range(100, 122)).path
    outcome = compare([a, b])
    (comparison,) = outcome.comparisons
    assert not comparison.paired
    assert all(d.p_value is None and d.shown is None for d in comparison.differences)
    assert [w.figure.metric for w in outcome.worse] == ["accuracy", "auc"]
    text = " ".join(paragraphs(outcome))
    assert (
        "not paired (22 and 22 test images, none known to be in common; no test of pairs can be made)" in text
    )
    assert "a difference that cannot be tested here" in text
    assert to_json(outcome)["comparisons"][0]["paired"] is False


def test_a_few_common_images_do_not_make_a_pair(tmp_path: Path) -> None:
    a = make_answered_run(tmp_path / "a").path
    b = make_answered_run(tmp_path / "b", numbers=[0, 1, *range(100, 120)]).path
    (comparison,) = compare([a, b]).comparisons
    assert (comparison.paired, comparison.shared) == (False, 2)
    assert "only 2 known to be in common" in paragraphs(compare([a, b]))[0]


def test_contradicting_truths_are_refused(tmp_path: Path) -> None:
    a = make_answered_run(tmp_path / "a").path
    b = make_answered_run(tmp_path / "b", numbers=[21, *range(1, 21), 0]).path
    with pytest.raises(UsageError, match=r"2 of 22 common .* \(hem/0\.png: healthy against a finding\)"):
        compare([a, b])


def test_folds_pooled_are_compared_like_a_run(tmp_path: Path) -> None:
    run = make_answered_run(tmp_path / "single", [0, 1])
    folds = _pooled(tmp_path / "mobile.folds", [[2], []])
    outcome = compare([run.path, folds])
    (comparison,) = outcome.comparisons
    assert comparison.paired
    assert comparison.common == 22
    assert outcome.sources[1].kind == "folds"
    accuracy = comparison.differences[0]
    assert (accuracy.a, accuracy.b) == (20 / 22, 21 / 22)
    assert "pools the scores of 2 models" in " ".join(paragraphs(outcome))


def _pooled(folder: Path, wrong: list[list[int]]) -> Path:
    """Two folds of 22 images each, with thresholds of their own; the first has the images of a single run."""
    from edgeall.training.folds import DOCUMENT, Pooled

    done = tuple(
        make_answered_run(
            folder / f"fold-{fold + 1}",
            mistakes,
            numbers=range(22 * fold, 22 * fold + 22),
            threshold=(0.3, 0.7)[fold],
        )
        for fold, mistakes in enumerate(wrong)
    )
    said = [predictions.read(run.path / predictions.FILE, run.decision.labels)["test"] for run in done]
    predictions.write(folder / predictions.FILE, {"pooled": predictions.joined(said)}, ("hem", "all"))
    pooled = Pooled(folder, done, {"n": 44}, (1.0, 1.0))
    (folder / DOCUMENT).write_text(json.dumps(pooled.to_dict()))
    return folder


def test_folds_without_their_runs_are_known_by_names(tmp_path: Path) -> None:
    run = make_answered_run(tmp_path / "single", [0, 1])
    folds = _pooled(tmp_path / "mobile.folds", [[2], []])
    shutil.rmtree(folds / "fold-1")
    assert compare([run.path, folds]).comparisons[0].common == 22


def test_four_classes_are_compared_by_finding_and_by_class(tmp_path: Path) -> None:
    labels = ("benign", "early", "pre", "pro")
    a = make_answered_run(tmp_path / "a", [], labels=labels)
    b = make_answered_run(tmp_path / "b", [], labels=labels)
    said = predictions.read(b.path / predictions.FILE, labels)["test"]
    # Every "early" is taken for a "pre": a finding still, but another class.
    swapped = said.probabilities[:, [0, 2, 1, 3]]
    swapped[said.truth != 1] = said.probabilities[said.truth != 1]
    changed = Predictions(said.images, said.subjects, said.truth, swapped, said.thresholds)
    predictions.write(b.path / predictions.FILE, {"test": changed}, labels)
    outcome = compare([a.path, b.path])
    found = {d.metric: d for d in outcome.comparisons[0].differences}
    assert found["accuracy"].delta.value == 0.0
    assert found["class_accuracy"].delta.value == pytest.approx(-np.sum(said.truth == 1) / 22)
    assert "class_accuracy" in [w.figure.metric for w in outcome.worse]


def test_the_document_is_json_and_the_same_twice(six: list[Path]) -> None:
    told = json.dumps(to_json(compare(six[:3])), allow_nan=False)
    assert told == json.dumps(to_json(compare(six[:3])), allow_nan=False)
    document = json.loads(told)
    assert set(document) == {
        *("schema", "tolerances", "sources", "comparisons", "rankings", "worse", "unmatched", "words")
    }
    accuracy = document["comparisons"][0]["differences"]["accuracy"]
    assert set(accuracy["delta"]) == {"value", "low", "high"}
    assert accuracy["supported"] is False


def test_the_same_twice_is_refused(six: list[Path]) -> None:
    with pytest.raises(UsageError, match="named twice"):
        compare([six[0], six[0]])


def test_one_alone_is_refused(six: list[Path]) -> None:
    with pytest.raises(UsageError, match="two or more"):
        compare(six[:1])


def test_a_run_without_predictions_says_the_way_out(tmp_path: Path) -> None:
    a, b = (make_answered_run(tmp_path / name) for name in "ab")
    (b.path / predictions.FILE).unlink()
    with pytest.raises(RunError, match=r"b: has no predictions\.csv .* bench"):
        compare([a.path, b.path])


@pytest.mark.parametrize("damage", ["{", "[]", '{"decision": 3}', '{"decision": {"labels": []}}'])
def test_damaged_folds_are_named(damage: str, tmp_path: Path) -> None:
    run, folds = make_answered_run(tmp_path / "single"), _pooled(tmp_path / "x.folds", [[], []])
    (folds / "pooled.json").write_text(damage)
    with pytest.raises(RunError, match=r"pooled\.json: damaged"):
        compare([run.path, folds])
