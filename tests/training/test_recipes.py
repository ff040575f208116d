"""The published protocol, and what may be changed of it."""

import csv
import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_cells import split_of

from edgeall.datasets import make_split, read_dataset, synthesize
from edgeall.errors import UsageError
from edgeall.training import BACKBONES, TrainingSettings, load_model, protocols, train
from edgeall.training.image_cache import ImageCache


def test_the_default_protocol_is_that_of_the_settings() -> None:
    assert protocols.settings("default", "mobilenetv2") == TrainingSettings("mobilenetv2")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_published_protocol(backbone: str) -> None:
    paper = protocols.settings("paper", backbone)
    assert (paper.recipe, paper.head, paper.input_size, paper.epochs) == ("paper", "paper", 224, 50)
    assert (paper.head_epochs, paper.patience, paper.threshold, paper.calibration) == (0, 0, 0.5, "none")


def test_training_from_scratch_trains_all_layers_at_once() -> None:
    scratch = protocols.settings("scratch", "densenet201")
    assert (scratch.weights, scratch.fine_tune, scratch.head_epochs) == ("random", "scratch", 0)
    assert (scratch.head, scratch.calibration, scratch.threshold) == ("gap", "temperature", None)


def test_after_training_from_scratch_batchnorm_has_the_averages_of_training_images(
    cells: Path, tmp_path: Path, small: str
) -> None:
    """Twelve steps change the layer below, and by themselves move the averages by a tenth of the way."""
    settings = protocols.settings("scratch", small, epochs=12, patience=0, rate=0.02, input_size=32)
    run = train(cells, settings, tmp_path, split=split_of(cells, 8, 2))
    model = load_model(run)
    images = ImageCache(cells, run.split.train, 32).images(run.split.train)
    layer = model.get_layer("upper")
    found = np.asarray(
        keras.Model(model.inputs, layer.input)(run.pixels.apply(images.take(range(16))), training=False)
    )
    # The averages are of augmented views, `found` is of the images themselves.
    mean, spread = found.mean(axis=(0, 1, 2)), found.std(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean, mean, atol=0.25 * spread.max())
    np.testing.assert_allclose(np.sqrt(layer.moving_variance), spread, rtol=0.25)


def test_what_is_given_goes_before_the_recipe() -> None:
    paper = protocols.settings("paper", "vgg16", epochs=2, rate=1e-5)
    assert (paper.epochs, paper.rate, paper.head) == (2, 1e-5, "paper")


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'paper'"):
        protocols.settings("papr", "vgg16")


def test_the_published_split_has_twelve_healthy_and_ten_leukaemic_test_images(tmp_path: Path) -> None:
    # ALL-IDB1's 59 and 49; small pictures, since only their number matters.
    synthesize(tmp_path / "idb", size=(128, 96))
    dataset = read_dataset(tmp_path / "idb")
    split, _ = make_split(dataset, fractions=protocols.settings("paper", "vgg16").fractions)
    counts = {
        part: [sum(member.label == label for member in split.part(part)) for label in dataset.labels]
        for part in ("train", "val", "test")
    }
    assert counts["test"] == [12, 10]
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [59, 49]


@pytest.mark.parametrize("backbone", ["mobilenetv2", "small"])
def test_a_run_of_the_published_protocol_has_all_that_was_published(
    cells: Path, tmp_path: Path, backbone: str, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MobileNetV2 was published trained throughout; the small one stands for those that were published frozen."""
    monkeypatch.setitem(BACKBONES, small, dataclasses.replace(BACKBONES[small], published="none"))
    settings = protocols.settings("paper", backbone, epochs=3, input_size=32, views=3)
    run = train(cells, settings, tmp_path)
    with (run.path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    # One phase, every epoch of it, whatever validation says: the epoch before the first, then three.
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert {row["rate"] for row in rows} == {"0.0001"}
    assert all(row["accuracy"] and row["val_accuracy"] for row in rows[1:])
    assert run.decision.threshold == 0.5
    features = {"mobilenetv2": 1280, "small": 4 * 4 * 16}[backbone]
    head = (features + 1) * 256 + 257 * 128 + 129
    opened = {"mobilenetv2": 2_257_984 - 34_112, "small": 0}[backbone]
    assert run.params["trainable"] == head + opened
    document = json.loads((run.path / "evaluation" / "evaluation.json").read_text())
    for part in ("train", "val", "test"):
        said = document["parts"][part]
        assert {"accuracy", "loss", "mse", "auc", "roc", "confusion_matrix"} <= set(said)
        assert set(said["classification_report"]) >= {"healthy", "leukemia", "macro avg", "weighted avg"}
    assert document["params_mb"]["total"] == pytest.approx(4 * run.params["total"] / 2**20)
    assert (run.path / "evaluation" / "learning-curves.png").exists()
