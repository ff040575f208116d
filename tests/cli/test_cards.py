"""`edgeall cards` as a user calls it."""

import json
from pathlib import Path

import pytest
from bench_documents import document, result
from small_run import draw, make_artifact, make_run

from edgeall.artifact import Artifact
from edgeall.cli.main import main

pytest.importorskip("yaml", reason="workstation: cards write YAML")


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    """The artifact of a run `one` in the current folder, with results."""
    pytest.importorskip("onnx", reason="the run's artifact is written with onnx")
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "data", {"healthy": 8, "all": 8})
    run = make_run(tmp_path / "runs" / "one", tmp_path / "data")
    made = make_artifact(run, "onnx", "float32")
    (run.path / "bench").mkdir()
    (run.path / "bench" / "laptop.json").write_text(
        json.dumps(document([result(format="onnx", sha256=made.sha256)]))
    )
    return made


def test_json_names_what_was_written(artifact: Artifact, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards", "one", "-o", "cards", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)["cards"]
    folder = Path("cards") / artifact.path.stem
    assert card["folder"] == str(folder)
    assert card["devices"] == ["laptop"]
    assert [Path(file) for file in card["files"]] == sorted(folder.iterdir())


def test_without_names_every_run_has_cards(artifact: Artifact, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards", "-o", "cards"]) == 0
    said = capsys.readouterr()
    assert said.out == f"wrote {Path('cards') / artifact.path.stem}\n"
    assert said.err == ""


def test_an_artifact_that_was_not_measured_is_told(
    artifact: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs/one/bench/laptop.json").unlink()
    assert main(["cards", str(artifact.path), "-o", "cards"]) == 0
    assert "no device was measured, and the cards say so" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "-o", "cards"], "nothing: neither a run nor an artifact"),
        (["one", "-o", "cards", "--results", "none.json"], "none.json: no such file"),
        (["one", "-o", "data/all/all00.png"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    artifact: Artifact, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cards", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not Path("cards").exists()


def test_existing_cards_stay_unless_they_are_to_be_replaced(
    artifact: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cards", "one", "-o", "cards"]) == 0
    assert main(["cards", "one", "-o", "cards"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["cards", "one", "-o", "cards", "--overwrite"]) == 0
