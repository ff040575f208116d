"""Cards from files to files: which results belong to an artifact, and what is written where."""

import json
from pathlib import Path

import pytest
from bench_documents import document, result
from small_run import draw, make_artifact, make_run

pytest.importorskip("yaml", reason="workstation: cards write YAML too")
pytest.importorskip("onnx", reason="the run's artifact is written with onnx")

from edgeall import cards
from edgeall.artifact import Artifact
from edgeall.errors import UsageError
from edgeall.runs import Run


@pytest.fixture
def made(tmp_path: Path) -> tuple[Run, Artifact]:
    draw(tmp_path / "data", {"healthy": 12, "all": 12})
    run = make_run(tmp_path / "runs" / "one", tmp_path / "data", subjects=True)
    return run, make_artifact(run, "onnx", "float32")


def write_bench(run: Run, sha256: str, name: str = "laptop", wrong: tuple[int, ...] = (3,)) -> Path:
    file = run.path / "bench" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document([result(format="onnx", sha256=sha256, wrong=wrong)], name)))
    return file


def test_the_runs_own_results_are_found_by_checksum(made: tuple[Run, Artifact]) -> None:
    run, artifact = made
    write_bench(run, artifact.sha256)
    write_bench(run, "of an earlier export", "rpi5")
    (found,) = cards.gather([artifact.path])
    assert [bench.device for bench in found.benches] == ["laptop"]
    assert found.run is not None
    assert [(part.name, part.images) for part in found.split] == [("train", 6), ("val", 6), ("test", 12)]


def test_results_of_other_artifacts_are_refused(made: tuple[Run, Artifact]) -> None:
    run, artifact = made
    file = write_bench(run, "of another")
    with pytest.raises(UsageError, match="no result of these artifacts"):
        cards.gather([artifact.path], [file])


def test_a_run_that_was_trained_again_is_not_the_artifacts(
    made: tuple[Run, Artifact], tmp_path: Path
) -> None:
    _, artifact = made
    elsewhere = make_run(tmp_path / "runs" / "two", tmp_path / "data", test=10)
    (elsewhere.exports).mkdir()
    moved = elsewhere.exports / artifact.path.name
    moved.write_bytes(artifact.path.read_bytes())
    (found,) = cards.gather([moved])
    assert found.run is None
    assert found.split == ()


def test_a_folder_an_artifact_with_four_files(made: tuple[Run, Artifact], tmp_path: Path) -> None:
    run, artifact = made
    write_bench(run, artifact.sha256)
    (folder,) = cards.write_cards(cards.gather([artifact.path]), tmp_path / "cards")
    assert folder == tmp_path / "cards" / artifact.path.stem
    assert {file.name for file in folder.iterdir()} == {
        "README.md",
        "bom.cdx.json",
        "TRIPOD+AI.md",
        "CLAIM-2024.md",
    }
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    cards.write_cards(cards.gather([artifact.path]), tmp_path / "cards", overwrite=True)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert str(tmp_path) not in b"".join(before.values()).decode()


def test_nothing_is_replaced_or_half_written_without_being_asked(
    made: tuple[Run, Artifact], tmp_path: Path
) -> None:
    run, first = made
    second = make_artifact(run, "onnx", "int8")
    taken = tmp_path / "cards" / second.path.stem
    taken.mkdir(parents=True)
    with pytest.raises(UsageError, match="exists already"):
        cards.write_cards(cards.gather([first.path, second.path]), tmp_path / "cards")
    assert [each.name for each in (tmp_path / "cards").iterdir()] == [taken.name]


def test_two_artifacts_of_one_name_are_refused(made: tuple[Run, Artifact], tmp_path: Path) -> None:
    _, artifact = made
    copy = tmp_path / artifact.path.name
    copy.write_bytes(artifact.path.read_bytes())
    with pytest.raises(UsageError, match="both cards would be"):
        cards.write_cards(cards.gather([artifact.path, copy]), tmp_path / "cards")
    assert not (tmp_path / "cards").exists()
