import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edgeall.datasets import read_dataset, synthesize, synthetic, take_census
from edgeall.datasets.smear import Smear, draw_cell, draw_smear
from edgeall.errors import UsageError

SMALL = (160, 120)


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(tmp_path_factory.mktemp("drawn") / "set", seed=7, healthy=5, leukaemia=4, size=SMALL)


def test_a_set_has_the_layout_and_names_of_all_idb1(small_set: Path) -> None:
    dataset = read_dataset(small_set)
    assert dataset.counts() == {"healthy": 5, "ALL": 4}
    images = sorted(path.stem for path in (small_set / "im").iterdir())
    assert [name[:5] for name in images] == [f"Im00{number}" for number in range(1, 10)]
    assert sorted(path.stem for path in (small_set / "xyc").iterdir()) == images
    census = take_census(dataset)
    assert census.resolutions == {SMALL: 9}
    assert census.near_duplicates == ()


def test_the_number_of_an_image_does_not_tell_its_class(small_set: Path) -> None:
    order = [sample.label for sample in read_dataset(small_set).samples]
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_the_default_is_as_many_images_as_all_idb1() -> None:
    assert (synthetic.FIELDS.healthy, synthetic.FIELDS.leukaemia) == (59, 49)


@pytest.fixture(scope="module")
def small_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "cells"
    return synthesize(out, cells=True, seed=7, healthy=5, leukaemia=4, size=(48, 48))


def test_single_cells_have_the_layout_and_names_of_all_idb2(small_cells: Path) -> None:
    dataset = read_dataset(small_cells)
    assert dataset.layout == "ALL-IDB2 (synthetic)"
    assert dataset.counts() == {"healthy": 5, "ALL": 4}
    assert dataset.notes == ()
    assert take_census(dataset).resolutions == {(48, 48): 9}
    assert sorted(path.name for path in small_cells.iterdir()) == ["README.txt", "img"]
    assert "is no evidence about leukaemia" in (small_cells / "README.txt").read_text()
    assert (synthetic.CELLS.healthy, synthetic.CELLS.leukaemia) == (130, 130)


def test_a_set_of_fields_is_replaced_by_one_of_cells(tmp_path: Path) -> None:
    out = synthesize(tmp_path / "set", healthy=1, leukaemia=1, size=SMALL)
    synthesize(out, cells=True, healthy=1, leukaemia=1, size=(48, 48), overwrite=True)
    assert read_dataset(out).layout == "ALL-IDB2 (synthetic)"
    assert not (out / "im").exists()


def test_blast_centres_lie_in_the_field_on_dark_nuclei_and_only_in_leukaemia(small_set: Path) -> None:
    for image in (small_set / "im").iterdir():
        text = (small_set / "xyc" / f"{image.stem}.xyc").read_text()
        centres = [tuple(map(int, line.split(" "))) for line in text.splitlines()]
        assert bool(centres) == image.stem.endswith("_1")
        green = np.asarray(Image.open(image))[..., 1].astype(float)
        for x, y in centres:
            assert 0 <= x < SMALL[0]
            assert 0 <= y < SMALL[1]
            assert green[y - 1 : y + 2, x - 1 : x + 2].mean() < np.median(green) - 40


def test_a_drawn_image_is_known_as_such_wherever_it_turns_up(small_set: Path, tmp_path: Path) -> None:
    assert read_dataset(small_set).layout == "ALL-IDB1 (synthetic)"
    assert read_dataset(small_set / "im").layout == "ALL-IDB1 (synthetic)"
    for number, name in enumerate(("train/blast", "train/normal")):
        (tmp_path / name).mkdir(parents=True)
        source = sorted((small_set / "im").glob(f"*_{1 - number}.jpg"))[0]
        (tmp_path / name / "renamed.jpg").write_bytes(source.read_bytes())
    assert read_dataset(tmp_path).layout == "image folder (synthetic)"
    readme = (small_set / "README.txt").read_text()
    assert "is no evidence about leukaemia" in readme


def test_same_seed_same_bytes_on_any_number_of_cores(
    small_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    again = synthesize(tmp_path / "again", seed=7, healthy=5, leukaemia=4, size=SMALL)
    assert digest(again) == digest(small_set)


def test_another_seed_draws_other_images(small_set: Path, tmp_path: Path) -> None:
    other = synthesize(tmp_path / "other", seed=8, healthy=5, leukaemia=4, size=SMALL)
    assert not set(digest(other).values()) & set(digest(small_set).values()) - {
        hashlib.sha256(b"").hexdigest()
    }


def test_what_is_there_is_kept_unless_it_is_a_drawn_set_and_overwrite_is_said(
    small_set: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    out.mkdir()
    few = {"healthy": 1, "leukaemia": 1, "size": SMALL}
    synthesize(out, **few)
    before = digest(out)
    with pytest.raises(UsageError, match="exists already"):
        synthesize(out, seed=1, **few)
    assert digest(out) == before
    synthesize(out, seed=1, overwrite=True, **few)
    assert digest(out) != before
    (out / "im" / "Im900_1.jpg").write_bytes(b"a real image")
    before = digest(out)
    with pytest.raises(UsageError, match="has other files than a synthetic dataset"):
        synthesize(out, seed=2, overwrite=True, **few)
    assert digest(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_interrupted_drawing_leaves_the_old_set_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = synthesize(tmp_path / "set", healthy=1, leukaemia=1, size=SMALL)
    before = digest(out)

    def fail_late(rng: np.random.Generator, leukaemia: bool, size: tuple[int, int]) -> Smear:
        if leukaemia:
            raise KeyboardInterrupt
        return draw_smear(rng, leukaemia, size)

    monkeypatch.setattr(synthetic, "draw_smear", fail_late)
    with pytest.raises(KeyboardInterrupt):
        synthesize(out, healthy=1, leukaemia=1, size=SMALL, overwrite=True)
    assert digest(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": -1}, "seed -1: give 0 or more"),
        ({"healthy": 0}, "at least one healthy"),
        ({"leukaemia": 0}, "at least one healthy"),
        ({"size": (64, 480)}, "64 x 480 pixels cannot be drawn"),
        ({"size": (4000, 200)}, "cannot be drawn"),
        ({"cells": True, "size": (31, 48)}, "each side needs 32 pixels or more"),
    ],
)
def test_a_set_that_cannot_be_drawn_is_refused(tmp_path: Path, asked: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        synthesize(tmp_path / "set", **asked)
    assert not (tmp_path / "set").exists()


Fields = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def fields() -> Fields:
    """120 fields, half of them with blasts: RGB bytes (n, height, width, 3), and class."""
    smears = [
        draw_smear(np.random.default_rng([3, index]), index % 2 == 1, (256, 192)) for index in range(120)
    ]
    return np.stack([smear.pixels for smear in smears]), np.arange(120) % 2


def cross_validated_accuracy(features: np.ndarray, classes: np.ndarray) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(cross_val_score(model, features, classes, cv=10).mean())


def test_mean_colour_does_not_tell_the_classes_apart(fields: Fields) -> None:
    pixels, classes = fields
    assert cross_validated_accuracy(pixels.mean(axis=(1, 2)), classes) < 0.7


@pytest.mark.parametrize(
    "of", [lambda image: image.mean(), lambda image: image.std(), lambda image: (image[..., 1] < 110).mean()]
)
def test_neither_brightness_nor_contrast_nor_the_amount_of_purple_tells_them_apart(
    fields: Fields, of: Callable[[np.ndarray], float]
) -> None:
    pixels, classes = fields
    auc = roc_auc_score(classes, [of(image) for image in pixels])
    assert 0.25 < auc < 0.75


@pytest.fixture(scope="module")
def single_cells() -> Fields:
    """300 pictures of one cell, half of them of a blast."""
    drawn = [draw_cell(np.random.default_rng([4, index]), index % 2 == 1, (64, 64)) for index in range(300)]
    return np.stack([each.pixels for each in drawn]), np.arange(300) % 2


def test_what_surrounds_a_cell_does_not_tell_its_class(single_cells: Fields) -> None:
    """Colour, brightness and noise of the margin, which holds glass, red cells and platelets."""
    pixels, classes = single_cells
    margins = np.concatenate([pixels[:, :6].reshape(300, -1, 3), pixels[:, -6:].reshape(300, -1, 3)], axis=1)
    features = np.concatenate([margins.mean(axis=1), margins.std(axis=1)], axis=1)
    assert cross_validated_accuracy(features, classes) < 0.62


def test_colour_and_darkness_alone_leave_many_cells_in_doubt(single_cells: Fields) -> None:
    pixels, classes = single_cells
    features = np.concatenate([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))], axis=1)
    assert cross_validated_accuracy(features, classes) < 0.9


def test_the_middle_of_a_picture_has_a_nucleus_in_both_classes(single_cells: Fields) -> None:
    pixels, classes = single_cells
    green = pixels[..., 1].astype(float)
    dark = green[:, 20:44, 20:44].min(axis=(1, 2)) < 0.6 * np.median(green, axis=(1, 2))
    assert dark[classes == 0].mean() > 0.97
    assert dark[classes == 1].mean() > 0.97


def largest_nucleus(image: np.ndarray) -> float:
    """Area of the largest dark blob, of the image's."""
    green = ndimage.gaussian_filter(image[..., 1].astype(float), 1)
    labels, count = ndimage.label(green < 0.5 * np.median(green))
    return (
        float(ndimage.sum_labels(np.ones_like(green), labels, range(1, count + 1)).max(initial=0))
        / green.size
    )


def test_the_cells_do_tell_the_classes_apart(fields: Fields) -> None:
    pixels, classes = fields
    assert roc_auc_score(classes, [largest_nucleus(image) for image in pixels]) > 0.85
