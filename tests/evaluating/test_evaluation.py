"""The classifier report, against figures worked out by hand and by scikit-learn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeall import evaluating
from edgeall.artifact import Decision
from edgeall.evaluating.evaluation import parameters_in_mb
from edgeall.predictions import Predictions

TWO = Decision(("healthy", "leukemia"), ("leukemia",), 0.5)


def said(
    truth: list[int],
    scores: list[float],
    thresholds: float | list[float] = 0.5,
    subjects: list[str] | None = None,
) -> Predictions:
    return Predictions(
        tuple(f"{index}.png" for index in range(len(truth))),
        tuple(subjects) if subjects else (None,) * len(truth),
        np.array(truth),
        np.array([[1 - score, score] for score in scores]),
        np.broadcast_to(np.asarray(thresholds, float), (len(truth),)),
    )


SIX = said([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.4, 0.8, 0.9])


def test_figures_worked_out_by_hand() -> None:
    found = evaluating.evaluate(SIX, TWO)
    assert found.metrics["accuracy"]["value"] == pytest.approx(4 / 6)
    assert found.confusion == [[2, 1], [1, 2]]
    assert found.loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.4, 0.8, 0.9]).mean())
    assert found.mse == pytest.approx((0.01 + 0.04 + 0.36 + 0.36 + 0.04 + 0.01) / 6)
    assert found.metrics["brier"]["value"] == pytest.approx(found.mse)
    assert found.metrics["auc"]["value"] == pytest.approx(8 / 9)
    assert found.report["leukemia"]["precision"] == pytest.approx(2 / 3)
    assert found.report["healthy"]["support"] == 3
    assert found.report["macro avg"]["f1-score"] == pytest.approx(2 / 3)
    assert found.roc["fpr"][0] == 0
    assert found.roc["thresholds"][0] is None
    assert found.roc["tpr"][-1] == 1


def test_each_fold_is_called_at_its_own_threshold() -> None:
    pooled = said([0, 1, 0, 1], [0.3, 0.4, 0.6, 0.7], [0.35, 0.35, 0.65, 0.65])
    found = evaluating.evaluate(pooled, TWO)
    assert found.metrics["accuracy"]["value"] == 1
    assert found.metrics["auc"]["value"] == 0.75
    assert found.metrics["threshold"] is None


def test_where_findings_come_first_in_the_labels_the_verdicts_are_still_theirs() -> None:
    reversed_labels = Decision(("leukemia", "healthy"), ("leukemia",), 0.5)
    found = evaluating.evaluate(said([1, 0], [0.9, 0.2]), reversed_labels)
    assert found.confusion == [[1, 0], [0, 1]]


def test_more_classes_are_judged_by_the_most_probable() -> None:
    four = Decision(("benign", "early", "pre", "pro"), ("early", "pre", "pro"))
    table = np.full((4, 4), 0.1) + 0.6 * np.eye(4)[[0, 1, 3, 3]]
    found = evaluating.evaluate(
        Predictions(("a", "b", "c", "d"), (None,) * 4, np.arange(4), table, np.full(4, 0.5)), four
    )
    assert np.trace(found.confusion) == 3
    assert found.metrics["classes"]["macro"]["recall"] == 0.75
    assert found.metrics["accuracy"]["value"] == 1


def test_a_referral_band_counts_the_referred_as_neither_missed_nor_alarmed() -> None:
    band = Decision(TWO.labels, TWO.positive, 0.5, (0.35, 0.7))
    found = evaluating.evaluate(SIX, band).referral
    assert found is not None
    assert found["referred"]["value"] == pytest.approx(2 / 6)
    assert found["sensitivity"]["value"] == 1
    assert found["specificity"]["value"] == 1
    assert found["sensitivity"]["low"] < 0.5
    assert found["answered_sensitivity"]["value"] == 1


def test_one_class_has_no_curve_and_no_auc() -> None:
    found = evaluating.evaluate(said([1, 1], [0.2, 0.9]), TWO)
    assert found.metrics["auc"] is None
    assert found.roc == {"fpr": [], "tpr": [], "thresholds": []}


def test_sizes_are_those_of_float32_in_units_of_two_to_the_twenty() -> None:
    assert parameters_in_mb({"trainable": 2**18}) == {"trainable": 1.0}


def test_the_folder_holds_tables_and_pictures(tmp_path: Path) -> None:
    history = [
        {"phase": "MobileNetV2: head", "epoch": epoch, "loss": None if epoch == 0 else 1 / epoch, "val_loss": 0.5,
         "val_auc": 0.9, "accuracy": None if epoch == 0 else 0.8, "val_accuracy": 0.7}
        for epoch in range(3)
    ]  # fmt: skip
    parts = {"val": evaluating.evaluate(SIX, TWO), "test": evaluating.evaluate(said([1, 1], [0.2, 0.9]), TWO)}
    params = {"total": 3_000_000, "trainable": 1_000_000, "non_trainable": 2_000_000}
    evaluating.write(tmp_path, "a run", TWO, parts, params, history, ["Read this first."])
    folder = tmp_path / evaluating.FOLDER
    document = json.loads((folder / "evaluation.json").read_text())
    assert document["params_mb"]["total"] == pytest.approx(11.444, abs=1e-3)
    assert document["parts"]["val"]["confusion_matrix"] == [[2, 1], [1, 2]]
    page = (folder / "evaluation.md").read_text()
    assert "| leukemia | 0.667 | 0.667 | 0.667 | 3 |" in page
    assert "| mean squared error | 0.1367 |" in page
    assert "| non-trainable | 2,000,000 | 7.63 |" in page
    assert page.index("Read this first.") < page.index("| accuracy |")
    for name in ("roc.png", "confusion.png", "learning-curves.png"):
        assert f"]({name})" in page
        with Image.open(folder / name) as picture:
            assert picture.convert("L").getextrema()[0] < 100, f"{name} is blank"


def test_class_names_cannot_break_the_tables(tmp_path: Path) -> None:
    decision = Decision(("a|b", "c_d"), ("c_d",), 0.5)
    evaluating.write(tmp_path, "x", decision, {"test": evaluating.evaluate(SIX, decision)})
    rows = [
        line
        for line in (tmp_path / "evaluation" / "evaluation.md").read_text().split("\n")
        if "&#124;" in line
    ]
    assert rows[0].startswith("| a&#124;b | 0.667 ")
    assert {line.count("|") for line in rows} == {4, 6}
    assert "| c\\_d |" in rows[1]
