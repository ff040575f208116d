"""A bench with corruptions on this machine: interrupted and gone on with, and kept by later benches."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_bench import SHORT, Heard, bench, laptop, result_file

from edgeall import results
from edgeall.benching import find_artifacts
from edgeall.errors import UsageError
from edgeall.measuring.records import Journal
from edgeall.shifts import corruptions

IMAGES = 6
CHANGES = ("unchanged", "exposure 5", "jpeg 3", "noise 2")
"""Of 41: each is a process."""


@pytest.fixture(scope="module", autouse=True)
def few_changes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corruptions, "CHANGES", CHANGES)
        yield


@pytest.fixture(scope="module")
def corrupted(made: Path, few_changes: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Heard]:
    """Runs whose bench of ONNX float32 and INT8 was stopped amid the corruptions, and was then ended."""
    folder = Path(shutil.copytree(made / "runs", tmp_path_factory.mktemp("corrupted") / "runs"))
    paths = [path for path in find_artifacts([], folder) if "onnx" in path.name]
    stopped = Heard(stop_after=11)
    with pytest.raises(KeyboardInterrupt):
        bench(paths, laptop(), SHORT, corruption_images=IMAGES, progress=stopped)
    kept = journal(folder)
    bench(paths, laptop(), SHORT, corruption_images=IMAGES)
    after = journal(folder)
    assert {key: after[key] for key in kept} == kept
    assert len(after) == stopped.total == 2 * (4 + len(CHANGES))
    return folder, stopped


@pytest.fixture
def corrupted_runs(corrupted: tuple[Path, Heard], tmp_path: Path) -> Path:
    return Path(shutil.copytree(corrupted[0], tmp_path / "runs"))


def journal(folder: Path) -> dict[str, Any]:
    return Journal(folder / "tiny" / "bench" / "laptop.records.jsonl").read()


def rows(folder: Path) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = json.loads(result_file(folder).read_text())["results"]
    return written


def onnx(folder: Path) -> list[Path]:
    return [path for path in find_artifacts([], folder) if "onnx" in path.name]


def test_results_hold_a_point_for_each_corruption_and_strength(corrupted: tuple[Path, Heard]) -> None:
    (read,) = results.load([result_file(corrupted[0])])
    assert len(read.results) == 2
    for result in read.results:
        assert result.corruptions is not None
        assert [point.change for point in result.corruptions.every] == list(CHANGES)
        assert {point.n for point in result.corruptions.every} == {IMAGES}
        compared = bool(result.corruptions.points[0].versus_float)
        assert compared == (result.precision == "int8")
    # What the tiny network looks at is how dark a picture is.
    for result in read.results:
        assert result.corruptions is not None
        agreement = {point.change: point.agreement for point in result.corruptions.points}
        assert agreement["exposure 5"].value < agreement["jpeg 3"].value  # type: ignore[union-attr]


def test_a_later_bench_keeps_them_unasked_and_measures_nothing(corrupted_runs: Path) -> None:
    before, records = rows(corrupted_runs), journal(corrupted_runs)
    document = bench(onnx(corrupted_runs), laptop(), SHORT)
    assert [row["corruptions"] for row in document["results"]] == [row["corruptions"] for row in before]
    assert journal(corrupted_runs) == records
    assert rows(corrupted_runs) == before


def test_another_number_of_images_replaces_them_only_when_asked(corrupted_runs: Path) -> None:
    before = rows(corrupted_runs)
    with pytest.raises(UsageError, match=r"laptop\.json .*--overwrite"):
        bench(onnx(corrupted_runs), laptop(), SHORT, corruption_images=IMAGES - 1)
    assert rows(corrupted_runs) == before


def test_a_record_of_other_images_is_passed_over(corrupted_runs: Path) -> None:
    path = corrupted_runs / "tiny" / "bench" / "laptop.records.jsonl"
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if '"change":"jpeg 3"' in line)
    spoilt = json.loads(lines[at])
    spoilt["result"]["names"][0] = "healthy/another.png"
    lines[at] = json.dumps(spoilt)
    path.write_text("\n".join(lines) + "\n")
    before = rows(corrupted_runs)
    result_file(corrupted_runs).unlink()
    heard = Heard()
    document = bench(onnx(corrupted_runs), laptop(), SHORT, corruption_images=IMAGES, progress=heard)
    assert any("passed over" in note for note in heard.notes)
    # It was measured again, with the same answer.
    assert [row["corruptions"] for row in document["results"]] == [row["corruptions"] for row in before]
