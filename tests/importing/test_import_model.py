"""From a file and a folder of labelled images to a run that says what is known and what is not."""

import json
from pathlib import Path

import pytest
from coloured_cells import write_pictures

from edgeall import runs
from edgeall.datasets import make_split, read_dataset, save_split
from edgeall.errors import DatasetError, UsageError
from edgeall.importing import import_model

FILES = Path(__file__).parent / "keras2"
LABELS = ["hem", "all"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures")


def test_the_preprocessing_is_found_by_labelled_images(data: Path, tmp_path: Path) -> None:
    done = import_model(FILES / "smear.h5", LABELS, data=data, out=tmp_path)
    assert done.run.settings["imported"]["preprocessing"]["name"] == "raw"
    assert done.run.pixels.scale == pytest.approx((1 / 127.5,) * 3)
    assert done.run.metrics["val"]["accuracy"]["value"] > 0.95
    assert {row["preprocessing"] for row in done.tried} == {"tf", "caffe", "torch", "unit", "raw"}


def test_nobody_knows_what_trained_the_model_and_the_run_says_so(data: Path, tmp_path: Path) -> None:
    done = import_model(FILES / "smear.h5", LABELS, data=data, preprocessing="raw", out=tmp_path)
    run = runs.load(done.run.path)
    assert run == done.run
    assert run.split.grouped_by == "unknown"
    assert run.metrics["val"]["person_cut"] == {
        "cut": None,
        "reason": "which images trained the model is not known",
    }
    assert run.data.fingerprint.startswith("unknown:")
    assert "training images unknown" in run.weights
    assert run.settings["imported"]["sha256"][:12] in run.weights
    sizes = [len(run.split.part(part)) for part in runs.PARTS]
    assert sum(sizes) == 80
    assert sizes[2] == max(sizes)
    # The user's images of the same classes, without those of the test.
    assert run.domain is not None
    assert (run.domain.images, run.domain.side) == (sizes[0] + sizes[1], run.pixels.size)


def test_a_split_given_by_the_owner_is_kept(data: Path, tmp_path: Path) -> None:
    split, _ = make_split(read_dataset(data), seed=3)
    save_split(tmp_path / "split.json", split)
    done = import_model(
        FILES / "smear.h5",
        LABELS,
        data=data,
        split=tmp_path / "split.json",
        preprocessing="raw",
        out=tmp_path,
    )
    assert done.run.split == split
    assert done.run.data.fingerprint == runs.fingerprint(split.train)
    assert "as stated by its owner" in done.run.weights


def test_a_wrong_preprocessing_is_warned_of(data: Path, tmp_path: Path) -> None:
    done = import_model(FILES / "smear.h5", LABELS, data=data, preprocessing="unit", out=tmp_path)
    assert len(done.warnings) == 1
    assert "another preprocessing fits far better" in done.warnings[0]
    assert "--preprocessing raw" in done.warnings[0]
    assert done.run.settings["imported"]["preprocessing"]["name"] == "unit"


def test_a_right_preprocessing_is_not(data: Path, tmp_path: Path) -> None:
    for file, way in (("smear.h5", "raw"), ("outside.h5", "tf")):
        assert import_model(FILES / file, LABELS, data=data, preprocessing=way, out=tmp_path).warnings == ()


def test_swapped_labels_are_warned_of(data: Path, tmp_path: Path) -> None:
    done = import_model(FILES / "outside.h5", LABELS[::-1], data=data, preprocessing="tf", out=tmp_path)
    assert done.run.decision.positive == ("all",)
    assert any("labels look swapped" in w and "--labels hem,all" in w for w in done.warnings)


def test_without_images_only_float_conversion_is_provided_for(tmp_path: Path) -> None:
    done = import_model(FILES / "smear.h5", LABELS, preprocessing="raw", out=tmp_path)
    run = runs.load(done.run.path)
    assert run.split.test == ()
    assert run.split.train == ()
    assert len(run.images("val")) == 24
    assert "synthetic smears" in run.weights
    assert "synthetic smears" in done.warnings[0]
    assert (run.decision.threshold, run.metrics) == (0.5, {})
    # Smears that are drawn are not what it was trained on.
    assert run.domain is None


def test_the_threshold_is_the_one_asked_for(data: Path, tmp_path: Path) -> None:
    done = import_model(
        FILES / "smear.h5", LABELS, data=data, threshold=0.25, preprocessing="raw", out=tmp_path
    )
    assert done.run.decision.threshold == 0.25
    assert done.run.metrics["val"]["threshold"] == 0.25


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "--preprocessing.*--data"),
        ({"labels": ["hem"], "preprocessing": "raw"}, "--labels"),
        ({"labels": ["hem", "hem"], "preprocessing": "raw"}, "--labels"),
        ({"labels": ["hem", "al\u00a0l"], "preprocessing": "raw"}, r"--labels: 'al\\xa0l'"),
        ({"labels": ["hem", " "], "preprocessing": "raw"}, "--labels: ' ' is blank"),
        ({"positive": ["al"], "preprocessing": "raw"}, "--positive"),
        ({"positive": LABELS, "preprocessing": "raw"}, "not all"),
        ({"threshold": 1.5, "preprocessing": "raw"}, "--threshold"),
        ({"seed": -1, "preprocessing": "raw"}, "--seed -1"),
        ({"split": Path("split.json"), "preprocessing": "raw"}, "--data DIR"),
        ({"name": "../elsewhere", "preprocessing": "raw"}, "cannot be the name of a run"),
        ({"activation": "relu", "preprocessing": "raw"}, "sigmoid or softmax"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict, words: str, tmp_path: Path) -> None:
    labels = options.pop("labels", LABELS)
    with pytest.raises(UsageError, match=words):
        import_model(FILES / "smear.h5", labels, out=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_images_of_other_classes_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="its classes are hem, all"):
        import_model(FILES / "smear.h5", ["healthy", "all"], data=data, out=tmp_path)


def test_a_run_is_replaced_only_when_asked(tmp_path: Path) -> None:
    first = import_model(FILES / "smear.h5", LABELS, preprocessing="raw", out=tmp_path).run
    with pytest.raises(UsageError, match="--overwrite"):
        import_model(FILES / "smear.h5", LABELS, preprocessing="tf", out=tmp_path)
    assert runs.load(first.path) == first
    import_model(FILES / "smear.h5", LABELS, preprocessing="tf", out=tmp_path, overwrite=True)
    document = json.loads((first.path / "run.json").read_text())
    assert document["settings"]["imported"]["preprocessing"]["name"] == "tf"
    assert [path.name for path in tmp_path.iterdir()] == ["smear"]
