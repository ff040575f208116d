"""A bench runs golden pictures before it measures, and refuses an artifact whose answers are wrong."""

from pathlib import Path

import golden_artifacts
import pytest
import small_run
from tiny_bench import SHORT, Heard, bench, laptop

from edgeall.errors import MeasurementError, UsageError
from edgeall.targets.answers import judge_answers


@pytest.fixture
def data(tmp_path: Path) -> Path:
    small_run.draw(tmp_path / "data", {"healthy": 8, "all": 8})
    return tmp_path / "data"


def test_the_difference_is_in_the_result(tmp_path: Path, data: Path) -> None:
    made = golden_artifacts.write(tmp_path)
    [result] = bench([made.path], laptop(), SHORT, data=data)["results"]
    assert 0 <= result["selftest"]["difference"] <= 1
    assert result["selftest"]["milliseconds"] > 0


def test_an_artifact_without_golden_answers_is_measured_and_the_result_says_so(benched: tuple) -> None:
    _, document = benched
    for result in document["results"]:
        assert result["selftest"]["difference"] is None
        assert "carries no golden answers" in result["selftest"]["reason"]


def test_wrong_answers_are_refused_and_named_and_others_measured(tmp_path: Path, data: Path) -> None:
    right = golden_artifacts.write(tmp_path)
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.2, golden=right.metadata.golden)
    heard = Heard()
    document = bench([right.path, wrong.path], laptop(), SHORT, data=data, progress=heard)
    assert [result["artifact"] for result in document["results"]] == [str(right.path)]
    errors = [failure["error"] for failure in document["failures"]]
    assert all("onnxruntime" in error and "answers wrong here: expected" in error for error in errors)
    assert any("wrong.onnx" in note and "answers wrong here" in note for note in heard.notes)


def test_nothing_but_wrong_answers_is_an_error(tmp_path: Path, data: Path) -> None:
    right = golden_artifacts.write(tmp_path)
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.2, golden=right.metadata.golden)
    with pytest.raises(MeasurementError, match="answers wrong here"):
        bench([wrong.path], laptop(), SHORT, data=data)


def test_a_device_is_checked_with_artifacts(tmp_path: Path) -> None:
    right = golden_artifacts.write(tmp_path)
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.2, golden=right.metadata.golden)
    older = small_run.make_artifact(small_run.make_run(tmp_path / "run", tmp_path), "onnx", "float32")
    found = judge_answers(laptop(), [right.path, wrong.path, older.path])
    assert [(each.level, each.subject) for each in found] == [
        ("good", "model.onnx"),
        ("missing", "wrong.onnx"),
        ("missing", older.path.name),
    ]
    assert "onnxruntime" in found[0].text
    assert "expected 0." in found[1].text
    assert "carries no golden answers" in found[2].text


def test_a_device_is_checked_with_artifacts_that_it_takes(tmp_path: Path) -> None:
    import dataclasses

    made = golden_artifacts.write(tmp_path)
    other = dataclasses.replace(laptop(), formats=("tflite",))
    with pytest.raises(UsageError, match="does not take onnx"):
        judge_answers(other, [made.path])
