"""Artifacts are scored on images that did not train them; where that cannot be known, it is said."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from small_run import draw, make_artifact, make_run

from edgeall import files
from edgeall.artifact import Artifact
from edgeall.benching.held_out_images import test_set
from edgeall.errors import DatasetError, RunError, UsageError
from edgeall.runs import Run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    draw(tmp_path / "data", {"healthy": 8, "all": 8})
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path: Path, data: Path) -> Run:
    return make_run(tmp_path / "runs" / "tiny", data, test=6)


@pytest.fixture
def artifact(run: Run) -> Artifact:
    return make_artifact(run, "onnx", "float32")


def test_a_run_is_scored_on_its_own_test_split(artifact: Artifact, run: Run) -> None:
    chosen = test_set(artifact, run, None)
    assert [(image.name, image.sha256) for image in chosen.images] == [
        (member.name, member.sha256) for member in run.split.test
    ]
    assert [run.decision.labels[index] for index in chosen.truth] == [m.label for m in run.split.test]
    assert chosen.grouped_by == "image"
    assert chosen.notes == ()


def test_a_split_by_subject_keeps_the_subjects(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path / "runs" / "known", data, subjects=True)
    chosen = test_set(make_artifact(run, "onnx", "float32"), run, None)
    assert chosen.subjects == tuple(member.subject for member in run.split.test)
    assert chosen.grouped_by == "subject"


def test_subjects_of_only_some_images_are_those_of_none(tmp_path: Path, data: Path) -> None:
    """Intervals cannot count people where one is not known, as in the run's own figures."""
    run = make_run(tmp_path / "runs" / "known", data, subjects=True)
    artifact = make_artifact(run, "onnx", "float32")
    first, *others = run.split.test
    unnamed = dataclasses.replace(first, subject=None)
    split = dataclasses.replace(run.split, test=(unnamed, *others), grouped_by="image")
    chosen = test_set(artifact, dataclasses.replace(run, split=split), None)
    assert set(chosen.subjects) == {None}

    # One name of the folder follows a published naming, which has the person.
    other = tmp_path / "other"
    draw(other, {"healthy": 3, "all": 3}, seed=1)
    assert set(test_set(artifact, run, other).subjects) == {None}
    (other / "all" / "all00.png").rename(other / "all" / "UID_7_1_1_all.png")
    assert set(test_set(artifact, run, other).subjects) == {None}


def test_images_that_moved_are_found_with_data(
    artifact: Artifact, run: Run, data: Path, tmp_path: Path
) -> None:
    before = test_set(artifact, run, None)
    data.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="--data"):
        test_set(artifact, run, None)
    after = test_set(artifact, run, tmp_path / "moved")
    assert after.key == before.key
    assert all(Path(image.path).is_file() for image in after.images)


def test_an_altered_test_image_stops_the_bench(artifact: Artifact, run: Run, data: Path) -> None:
    altered = data / run.split.test[2].name
    altered.write_bytes(altered.read_bytes() + b"\0")
    with pytest.raises(RunError, match=altered.name):
        test_set(artifact, run, None)
    with pytest.raises(RunError, match=altered.name):
        test_set(artifact, run, data)


def test_of_another_set_what_trained_or_tuned_the_model_is_left_out_and_said(
    artifact: Artifact, run: Run, data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    draw(other, {"healthy": 5, "all": 5}, seed=1)
    # Under another name and class of file it is the same image still.
    shutil.copy(data / run.split.train[0].name, other / "all" / "copy.png")
    shutil.copy(data / run.split.val[0].name, other / "healthy" / "copy.png")
    chosen = test_set(artifact, run, other)
    assert len(chosen.images) == 10
    used = {image.sha256 for image in chosen.images}
    assert not used & {m.sha256 for part in ("train", "val") for m in run.split.part(part)}
    assert used == {files.sha256_file(path) for path in other.glob("*/*[0-9].png")}
    assert any("2 images" in note and "left out" in note for note in chosen.notes)
    assert chosen.grouped_by == "other"


def test_a_set_of_training_images_alone_cannot_serve(
    artifact: Artifact, run: Run, data: Path, tmp_path: Path
) -> None:
    for member in run.split.train:
        (tmp_path / "seen" / member.label).mkdir(parents=True, exist_ok=True)
        shutil.copy(data / member.name, tmp_path / "seen" / member.label / ("seen" + Path(member.name).name))
    with pytest.raises(DatasetError, match="none is left"):
        test_set(artifact, run, tmp_path / "seen")


def test_an_artifact_without_its_run_needs_data_and_may_flatter(artifact: Artifact, data: Path) -> None:
    with pytest.raises(UsageError, match="--data DIR"):
        test_set(artifact, None, None)
    chosen = test_set(artifact, None, data)
    assert len(chosen.images) == 16
    assert chosen.grouped_by == "unknown"
    assert any("nothing tells whether" in note for note in chosen.notes)


def test_classes_of_other_names_match_by_what_is_a_finding(
    artifact: Artifact, run: Run, tmp_path: Path
) -> None:
    draw(tmp_path / "data2", {"healthy": 4, "all": 4}, seed=2)
    (tmp_path / "data2" / "all").rename(tmp_path / "data2" / "leukemia")
    (tmp_path / "data2" / "healthy").rename(tmp_path / "data2" / "normal")
    chosen = test_set(artifact, run, tmp_path / "data2")
    assert [
        (run.decision.labels[index], image.name.split("/")[0])
        for index, image in zip(chosen.truth, chosen.images, strict=True)
    ] == [("all", "leukemia")] * 4 + [("healthy", "normal")] * 4


def test_the_key_of_a_set_is_its_content(artifact: Artifact, run: Run, data: Path) -> None:
    whole, part = test_set(artifact, None, data), test_set(artifact, run, None)
    assert whole.key != part.key
    assert whole.key == test_set(artifact, None, data).key
