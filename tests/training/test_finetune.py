"""Training from a folder of images to a run that says what it is, and repeats."""

import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_backbone
from drawn_cells import draw_cells, split_of

from edgeall import documents, predictions, runs
from edgeall.domain import unlike
from edgeall.errors import DatasetError, EdgeallError, RunError, UsageError
from edgeall.pixels import read_picture
from edgeall.runs import Run, Split
from edgeall.training import TrainingSettings, load_model, train
from edgeall.training.model import predict
from edgeall.training.stability import of_run, stability

QUICK = TrainingSettings("mobilenetv2", input_size=32, head_epochs=4, epochs=2, views=2, seed=3)
SHORT = small_backbone.settings(head_epochs=1, epochs=0, views=2, seed=3)


@pytest.fixture(scope="module")
def trained(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(cells, QUICK, tmp_path_factory.mktemp("runs"), split=split_of(cells, 6, 3))


def test_a_run_says_what_it_is(trained: Run, cells: Path) -> None:
    assert runs.load(trained.path) == trained
    assert trained.name == f"mobilenetv2-gap-{cells.name}"
    assert trained.weights == "random weights, BatchNorm recalibrated on 12 training images"
    assert trained.decision.labels == ("healthy", "leukemia")
    assert trained.decision.positive == ("leukemia",)
    assert trained.data.fingerprint == runs.fingerprint(trained.split.train)
    assert trained.pixels.size == 32
    assert trained.settings["fine_tune"] == "upper"
    assert trained.seed == 3
    assert {"keras", "numpy", "pillow", "edgeall"} <= set(trained.versions)
    assert trained.metrics["val"]["n"] == 6
    assert trained.metrics["test"]["n"] == 6
    assert {path.name for path in trained.path.iterdir()} == {
        "model.keras", "run.json", "history.csv", "predictions.csv", "evaluation"
    }  # fmt: skip


def test_more_images_than_a_run_can_record_are_refused_before_training(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1 << 20)
    with pytest.raises(
        DatasetError, match=r"records of 24 images would be larger than 1 MiB.* train on fewer"
    ):
        train(cells, QUICK, tmp_path, split=split_of(cells, 6, 3))
    assert not list(tmp_path.iterdir())


def test_images_of_unknown_people_give_no_decision_for_a_person(trained: Run) -> None:
    assert trained.metrics["val"]["person_cut"] == {"cut": None, "reason": "people are not known"}


def test_a_decision_for_a_person_is_learned_from_validation_people_alone(small: str, tmp_path: Path) -> None:
    """Eight people of each class validate, with ten cells each; those of training and test do not count."""
    cells = draw_cells(tmp_path / "cells", {"healthy": 100, "leukemia": 100})
    split = split_of(cells, 10, 80)
    parts = {
        part: tuple(
            dataclasses.replace(member, subject=f"{part} {member.label} {index % 80 // 10}")
            for index, member in enumerate(split.part(part))
        )
        for part in runs.PARTS
    }
    settings = small_backbone.settings(head_epochs=6, epochs=2, views=2, seed=3)
    run = train(cells, settings, tmp_path / "runs", split=Split(**parts, grouped_by="subject"))
    found = run.metrics["val"]["person_cut"]
    assert found["reason"] == ""
    assert (found["cut"]["negative"], found["cut"]["positive"], found["cut"]["least_cells"]) == (8, 8, 10)
    val = predictions.of_run(run)["val"]
    called = val.probabilities[:, 1] >= run.decision.threshold
    shares = {
        name: called[[subject == name for subject in val.subjects]].mean() for name in set(val.subjects)
    }
    ill = [share for name, share in shares.items() if name is not None and "leukemia" in name]
    healthy = [share for name, share in shares.items() if name is not None and "healthy" in name]
    assert (found["cut"]["low"], found["cut"]["high"]) == (max(healthy), min(ill))
    assert json.loads((run.path / "run.json").read_text())["metrics"]["val"]["person_cut"] == found


def test_the_saved_model_is_the_one_that_was_scored(trained: Run) -> None:
    from edgeall.pixels import read_image
    from edgeall.statistics import classification_metrics

    model = load_model(trained)
    recorded = predictions.read(trained.path / predictions.FILE, trained.decision.labels)
    for part in runs.PARTS:
        probabilities = predict(
            model, np.stack([read_image(path, 32) for path in trained.images(part)]), trained.pixels
        )
        assert recorded[part].images == tuple(member.name for member in trained.split.part(part))
        np.testing.assert_allclose(recorded[part].probabilities, probabilities, atol=1e-6)
        np.testing.assert_array_equal(recorded[part].truth, trained.class_indices(part))
        metrics = classification_metrics(trained.class_indices(part), probabilities, trained.decision)
        said = trained.metrics[part]
        assert said["accuracy"]["value"] == metrics.accuracy.value
        assert said["brier"]["value"] == pytest.approx(metrics.brier.value, abs=1e-5)


def test_probabilities_are_calibrated_on_validation_and_say_so(trained: Run) -> None:
    said = trained.calibration
    assert (said["method"], said["n"], said["offset"]) == ("temperature", 6, 0.0)
    assert said["scale"] != 1.0
    # The loss is that of the saved model's probabilities, since the correction is in its weights.
    assert trained.metrics["val"]["loss"] == pytest.approx(said["loss_after"], abs=1e-4)


def test_the_stability_of_the_score_is_that_of_the_saved_model(trained: Run) -> None:
    from edgeall.pixels import read_image

    model = load_model(trained)
    again = stability(
        lambda images: predict(model, images, trained.pixels),
        np.stack([read_image(path, 32) for path in trained.images("val")]),
        trained.decision,
    )
    said = of_run(trained)
    assert said is not None
    assert said.n == again.n == 6
    for kind, movement in again.movements.items():
        assert said.movements[kind].score_change == pytest.approx(movement.score_change, abs=1e-5)
    assert of_run(runs.load(trained.path)) == said
    evaluation = json.loads((trained.path / "evaluation" / "evaluation.json").read_text())
    assert evaluation["stability"] == said.to_dict()
    assert "## Stability of the score" in (trained.path / "evaluation" / "evaluation.md").read_text()
    assert of_run(dataclasses.replace(trained, metrics={})) is None


def test_a_referral_band_comes_with_the_verdict(small: str, cells: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SHORT, min_sensitivity=1.0, min_specificity=1.0)
    run = train(cells, settings, tmp_path, split=split_of(cells, 6, 3))
    said = predictions.read(run.path / predictions.FILE, run.decision.labels)["val"]
    low, high = run.decision.refer or (run.decision.threshold, run.decision.threshold)
    scores = said.probabilities[:, 1]
    assert (scores[said.truth == 1] >= low).all()
    assert (scores[said.truth == 0] < high).all()
    assert low <= run.decision.threshold <= high


def test_history_has_a_row_an_epoch_of_both_phases(trained: Run) -> None:
    with (trained.path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    phases = [row["phase"].partition(": ")[2] for row in rows]
    assert phases.count("head") == 1 + 4
    assert phases.count("fine-tuning") == 1 + 2
    assert rows[0]["loss"] == ""
    assert all(0 <= float(row["val_auc"]) <= 1 for row in rows)


def test_fine_tuning_starts_where_the_head_ended(trained: Run) -> None:
    """Folding the standardized head and cutting the network must not change a single answer."""
    with (trained.path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    best = min(
        (row for row in rows if row["phase"].endswith("head")),
        key=lambda row: (-float(row["val_auc"]), float(row["val_loss"])),
    )
    start = next(row for row in rows if row["phase"].endswith("fine-tuning"))
    assert float(start["val_loss"]) == pytest.approx(float(best["val_loss"]), abs=1e-4)


def test_the_same_seed_gives_the_same_model(trained: Run, cells: Path, tmp_path: Path) -> None:
    again = train(cells, QUICK, tmp_path, split=split_of(cells, 6, 3))
    for ours, theirs in zip(load_model(again).get_weights(), load_model(trained).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.metrics == trained.metrics
    assert again.decision == trained.decision


def test_it_learns_what_can_be_learned(tmp_path: Path) -> None:
    root = draw_cells(tmp_path / "cells", {"healthy": 24, "leukemia": 24})
    settings = TrainingSettings("vgg16", input_size=32, head_epochs=40, epochs=0, views=2)
    run = train(root, settings, tmp_path, split=split_of(root, 12, 6))
    assert run.metrics["val"]["auc"]["value"] > 0.9
    assert run.metrics["test"]["auc"]["value"] > 0.9
    # What it was made for is known from its 36 training and validation images.
    assert run.domain is not None
    assert (run.domain.images, run.domain.side, run.domain.widths) == (36, 32, (48, 48, 48))
    refused = [unlike(run.domain, read_picture(path, run.pixels.resize)) for path in run.images("test")]
    assert sum(map(bool, refused)) <= 1


def test_parameters_are_of_what_was_trained(trained: Run, cells: Path, tmp_path: Path) -> None:
    assert trained.params["total"] == 2_257_984 + 1281
    assert trained.params["trainable"] == 1_663_360 + 1281
    settings = dataclasses.replace(QUICK, fine_tune="none", head_epochs=1)
    frozen = train(cells, settings, tmp_path, split=split_of(cells, 6, 3))
    assert frozen.params["trainable"] == 1281


def test_several_classes_end_in_a_softmax(tmp_path: Path) -> None:
    root = draw_cells(tmp_path / "four", {"benign": 6, "early": 6, "pre": 6})
    run = train(root, QUICK, tmp_path, name="three", split=split_of(root, 3, 2), positive=["early", "pre"])
    assert load_model(run).outputs[0].shape == (None, 3)
    assert run.decision.labels == ("benign", "early", "pre")
    assert run.decision.positive == ("early", "pre")
    assert run.metrics["val"]["classes"]["labels"] == ["benign", "early", "pre"]


def test_the_paper_head_trains_too(cells: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, head="paper", head_epochs=2, epochs=1)
    run = train(cells, settings, tmp_path, split=split_of(cells, 6, 3))
    assert [layer.name for layer in load_model(run).layers[-4:]] == [
        "features",
        "hidden_1",
        "hidden_2",
        "probability",
    ]


def test_a_split_is_made_where_none_is_given(small: str, cells: Path, tmp_path: Path) -> None:
    run = train(cells, SHORT, tmp_path)
    names = [member.name for part in runs.PARTS for member in run.split.part(part)]
    assert len(names) == len(set(names)) == 24
    assert run.split.grouped_by == "image"


def test_nothing_is_overwritten_unasked_and_an_old_run_stays_until_the_new_one_is_whole(
    small: str, cells: Path, tmp_path: Path
) -> None:
    quick, split = SHORT, split_of(cells, 6, 3)
    first = train(cells, quick, tmp_path, name="mine", split=split)
    (first.path / "exports").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        train(cells, quick, tmp_path, name="mine", split=split)
    diverging = dataclasses.replace(quick, head_rate=1.0, weights=_not_finite_weights(tmp_path))
    with pytest.raises(EdgeallError):
        train(cells, diverging, tmp_path, name="mine", split=split, overwrite=True)
    assert runs.load(first.path) == first
    second = train(
        cells, dataclasses.replace(quick, seed=4), tmp_path, name="mine", split=split, overwrite=True
    )
    assert runs.load(first.path) == second != first
    assert not (first.path / "exports").exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["mine"]


def _not_finite_weights(folder: Path) -> str:
    (folder / "bad.weights.h5").write_bytes(b"no weights at all")
    return str(folder / "bad.weights.h5")


def test_a_folder_that_is_no_run_is_never_replaced(cells: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is not a run"):
        train(cells, QUICK, tmp_path, name="mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../elsewhere"])
def test_a_name_stays_within_the_folder_of_runs(cells: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a run"):
        train(cells, QUICK, tmp_path, name=name)


def test_a_part_of_one_class_is_refused(cells: Path, tmp_path: Path) -> None:
    split = split_of(cells, 6, 3)
    lopsided = Split(split.train, split.val[:3], split.test, "image")
    with pytest.raises(
        DatasetError, match="the val part of the split has only positive or only negative images"
    ):
        train(cells, QUICK, tmp_path, split=lopsided)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": "mobilnet"}, "unknown backbone 'mobilnet': did you mean 'mobilenetv2'"),
        ({"head": "papper"}, "did you mean 'paper'"),
        ({"weights": "missing.h5"}, "weights 'missing.h5': no such file"),
        ({"epochs": -1}, "epochs -1 is not between"),
        ({"epochs": 0, "head_epochs": 0}, "give one of them more"),
        ({"calibration": "plat"}, "did you mean 'platt'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"threshold": 1.5}, "threshold 1.5 is not between"),
        ({"min_sensitivity": 0.9}, "needs both"),
        ({"rate": 0.0}, "rate 0.0 is not between"),
        ({"rate": float("nan")}, "rate nan is not between"),
        ({"dropout": 1.0}, "dropout 1.0"),
        ({"batch_size": 0}, "batch size 0"),
        ({"backbone": "inceptionv3", "input_size": 64}, "input size 64 is not between 75"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingSettings(**({"backbone": "mobilenetv2"} | wrong))  # type: ignore[arg-type]


def test_a_run_without_its_model_says_so(trained: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"has no model\.keras"):
        load_model(dataclasses.replace(trained, path=tmp_path))


def test_no_engine_is_imported_before_training_and_tensorflow_never_by_name() -> None:
    import ast

    import edgeall.training

    for file in Path(edgeall.training.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported = {node.module or ""}
            else:
                continue
            roots = {name.partition(".")[0] for name in imported}
            assert not roots & {"tensorflow", "tf_keras", "jax", "torch"}, file
    code = "import sys, edgeall.training; print([m for m in ('keras', 'tensorflow', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
