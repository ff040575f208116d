"""`edgeall bench` as a user runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import draw, make_artifact, make_run

SHORT = ("--rounds", "2", "--threads", "1", "--min-runs", "12", "--min-seconds", "0.02")


def edgeall(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeall", "bench", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workplace")
    draw(folder / "data", {"healthy": 10, "all": 10})
    make_artifact(make_run(folder / "runs" / "tiny", folder / "data"), "onnx", "float32")
    return folder


@pytest.fixture(scope="module")
def done(workplace: Path) -> subprocess.CompletedProcess[str]:
    return edgeall(workplace, *SHORT, "--json")


def test_json_is_one_document_and_the_rest_goes_to_standard_error(
    done: subprocess.CompletedProcess[str], workplace: Path
) -> None:
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["device"]["name"] == "laptop"
    assert [row["threads"] for row in document["results"]] == [1]
    assert json.loads((workplace / "runs" / "tiny" / "bench" / "laptop.json").read_text()) == document
    assert "measuring 1 artifact" in done.stderr


def test_figures_short_of_the_rules_are_said_to_be(done: subprocess.CompletedProcess[str]) -> None:
    assert "fewer runs" in done.stderr
    assert json.loads(done.stdout)["results"][0]["settings"]["obeys_rules"] is False


@pytest.mark.usefixtures("done")
def test_people_get_a_table(workplace: Path) -> None:
    shown = edgeall(workplace, *SHORT)
    assert shown.returncode == 0, shown.stderr
    for words in ("ONNX float32", "accuracy", "p50", "split by image: optimistic"):
        assert words in shown.stdout


@pytest.mark.usefixtures("done")
def test_corrupted_pictures_are_added_to_what_there_is(workplace: Path, tmp_path: Path) -> None:
    shutil.copytree(workplace, tmp_path, dirs_exist_ok=True)
    workplace = tmp_path
    shown = edgeall(workplace, *SHORT, "--corruptions", "--corruption-images", "4")
    assert shown.returncode == 0, shown.stderr
    assert "On corrupted pictures" in shown.stdout
    assert "4 test images, each after eight corruptions" in " ".join(shown.stdout.split())
    (row,) = json.loads((workplace / "runs" / "tiny" / "bench" / "laptop.json").read_text())["results"]
    assert row["corruptions"]["most"] == 4


@pytest.mark.usefixtures("done")
def test_other_settings_do_not_replace_results_unasked(workplace: Path) -> None:
    refused = edgeall(workplace, *SHORT, "--rounds", "1")
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "labtop"], "did you mean 'laptop'"),
        (["nowhere"], "nowhere: neither a run nor an artifact"),
        (["missing.onnx"], "missing.onnx: no such file"),
        (["--threads", "1,some"], "threads"),
        (["--rounds", "0"], "rounds"),
        (["--max-seconds", "0.1"], "max_seconds"),
        (["--corruptions", "--corruption-images", "0"], "--corruption-images: at least 1"),
        (["--at-once", "0"], "--at-once: at least 1"),
        (["--at-once", "4"], "--at-once is for several boards"),
        (["--fleet", "nowhere.txt"], "nowhere.txt: no such file"),
        (["--host", "pi", "--host", "pi2"], "--host is for devices reached over ssh"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(workplace: Path, arguments: list[str], words: str) -> None:
    wrong = edgeall(workplace, *arguments)
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert len([line for line in wrong.stderr.splitlines() if not line.startswith("warning")]) == 1
    assert words in wrong.stderr


def test_status_1_when_an_artifact_failed_and_others_did_not(tmp_path: Path) -> None:
    draw(tmp_path / "data", {"healthy": 8, "all": 8})
    run = make_run(tmp_path / "runs" / "tiny", tmp_path / "data", test=6)
    make_artifact(run, "onnx", "float32")
    broken = make_artifact(run, "openvino", "float32").path
    broken.with_suffix(".bin").unlink()
    half = edgeall(tmp_path, *SHORT, "--json")
    assert half.returncode == 1
    assert broken.name in half.stderr
    assert [row["format"] for row in json.loads(half.stdout)["results"]] == ["onnx"]
