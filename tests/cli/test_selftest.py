"""`edgeall selftest`: right, wrong, and what cannot be checked, by exit status and one line each."""

import json
from pathlib import Path

import golden_artifacts
import pytest
from small_models import FORMATS, SmallModel

from edgeall.cli.main import main


@pytest.mark.parametrize("format", FORMATS)
def test_right_answers_are_one_line(
    tiny: SmallModel, tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = golden_artifacts.of_small(tiny, f"{format}-int8", tmp_path)
    assert main(["selftest", str(made.path)]) == 0
    out, err = capsys.readouterr()
    golden = made.metadata.golden
    assert golden is not None
    assert out.startswith(f"{made.path}: right with {golden.engine} {golden.version}: largest difference ")
    assert out.endswith(" ms\n")
    assert (out.count("\n"), err) == (1, "")


def test_json_tells_each_artifact_and_the_worst_status_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = golden_artifacts.write(tmp_path)
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.2, golden=right.metadata.golden)
    paths = [str(right.path), str(tmp_path / "none.onnx"), str(wrong.path)]
    assert main(["selftest", "--json", *paths]) == 2
    out, err = capsys.readouterr()
    rows = json.loads(out)["artifacts"]
    assert [row["path"] for row in rows] == paths
    assert [row["right"] for row in rows] == [True, None, False]
    assert rows[0]["sha256"] == right.sha256
    assert rows[0]["engine"]["name"] == "onnxruntime"
    assert rows[0]["difference"] <= 1 < rows[2]["difference"]
    assert len(rows[0]["expected"]) == len(rows[0]["seen"]) == 4
    assert rows[0]["ms"] > 0
    assert "no such file" in rows[1]["error"]
    assert len(err.splitlines()) == 2, "one line each"


def test_wrong_answers_say_engine_version_expected_and_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = golden_artifacts.write(tmp_path)
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.2, golden=right.metadata.golden)
    assert main(["selftest", str(wrong.path)]) == 2
    out, err = capsys.readouterr()
    golden = right.metadata.golden
    assert golden is not None
    assert out == ""
    assert f"{wrong.path}: {golden.engine} {golden.version} answers wrong here: expected 0." in err
    assert ", seen 0." in err
    assert "export again on this machine" in err


def test_an_older_artifact_cannot_be_checked(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = tiny.sealed("onnx-fp32", tmp_path)
    assert main(["selftest", str(older.path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "carries no golden answers" in err
    assert "export it again" in err


def test_threads_are_those_of_the_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = golden_artifacts.write(tmp_path)
    assert main(["selftest", "--threads", "2", str(made.path)]) == 0
    assert main(["selftest", "--threads", "0", str(made.path)]) == 2
    assert "at least 1" in capsys.readouterr().err


def test_a_damaged_artifact_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = golden_artifacts.write(tmp_path)
    made.path.write_bytes(made.path.read_bytes()[:-20])
    assert main(["selftest", str(made.path)]) == 2
    assert capsys.readouterr().out == ""


def test_a_device_check_runs_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = golden_artifacts.write(tmp_path)
    wrong = golden_artifacts.write(tmp_path, name="wrong", factor=1.2, golden=right.metadata.golden)
    assert main(["devices", "check", "laptop", "--json", "--model", str(right.path), str(wrong.path)]) == 1
    document = json.loads(capsys.readouterr().out)
    levels = {each["subject"]: each["level"] for each in document["findings"]}
    assert (levels["model.onnx"], levels["wrong.onnx"], document["able"]) == ("good", "missing", False)


@pytest.mark.parametrize("verb", ["list", "provision"])
def test_other_verbs_take_no_artifacts(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", verb, "--model", "model.onnx"]) == 2
    assert "edgeall devices check NAME --model ARTIFACT" in capsys.readouterr().err
