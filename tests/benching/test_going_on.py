"""Going on with a bench: interrupted, with more to measure, with another artifact; nothing is replaced unasked."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from small_run import draw, make_artifact, make_run
from tiny_bench import SHORT, Heard, bench, laptop, result_file

from edgeall import artifact, runs
from edgeall.benching import find_artifacts
from edgeall.errors import UsageError
from edgeall.measuring.plan import BenchSettings
from edgeall.measuring.records import Journal


def test_a_second_bench_measures_nothing_and_changes_nothing(benched_runs: Path) -> None:
    before = result_file(benched_runs).read_bytes()
    journal = (benched_runs / "tiny" / "bench" / "laptop.records.jsonl").read_bytes()
    document = bench(find_artifacts([], benched_runs), laptop(), SHORT)
    assert result_file(benched_runs).read_bytes() == before
    assert (benched_runs / "tiny" / "bench" / "laptop.records.jsonl").read_bytes() == journal
    raw = [row["latency_ms"]["raw"] for row in json.loads(before)["results"]]
    assert [row["latency_ms"]["raw"] for row in document["results"]] == raw
    assert document["environment"] == json.loads(before)["environment"]


def test_an_interrupted_bench_goes_on_where_it_was(runs_folder: Path) -> None:
    paths = find_artifacts([], runs_folder)[:1]
    stopped = Heard(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        bench(paths, laptop(), SHORT, progress=stopped)
    assert not result_file(runs_folder).exists()
    journal = Journal(runs_folder / "tiny" / "bench" / "laptop.records.jsonl")
    kept = journal.read()
    assert sorted(record.kind for record in kept.values()) == ["accuracy", "memory"]

    bench(paths, laptop(), SHORT)
    after = journal.read()
    assert {key: after[key] for key in kept} == kept
    assert len(after) == stopped.total == 4
    assert result_file(runs_folder).is_file()


def test_earlier_results_are_replaced_only_when_asked(benched_runs: Path) -> None:
    before = result_file(benched_runs).read_bytes()
    paths = find_artifacts([], benched_runs)[:1]
    longer = BenchSettings(**{**vars(SHORT), "min_runs": 14})
    heard = Heard()
    with pytest.raises(UsageError, match=r"laptop\.json .*--overwrite"):
        bench(paths, laptop(), longer, progress=heard)
    assert heard.total == 0
    assert result_file(benched_runs).read_bytes() == before

    bench(paths, laptop(), longer, overwrite=True)
    rows = json.loads(result_file(benched_runs).read_text())["results"]
    assert {Path(row["artifact"]).name: row["settings"]["min_runs"] for row in rows} == {
        path.name: 14 if path in paths else 12 for path in find_artifacts([], benched_runs)
    }


def rows_of(folder: Path, path: Path) -> dict[int, dict[str, Any]]:
    """An artifact's rows in the result file by threads."""
    rows = json.loads(result_file(folder).read_text())["results"]
    return {row["threads"]: row for row in rows if Path(row["artifact"]).name == path.name}


def records(folder: Path) -> list[str]:
    return (folder / "tiny" / "bench" / "laptop.records.jsonl").read_text().splitlines()


def test_more_threads_and_batches_are_added_to_what_there_is(benched_runs: Path) -> None:
    path = find_artifacts([], benched_runs)[0]
    before, known = rows_of(benched_runs, path)[1], records(benched_runs)
    bench([path], laptop(), dataclasses.replace(SHORT, threads=(1, 2), batches=(1, 4)))
    added = [json.loads(line) for line in records(benched_runs)[len(known) :]]
    assert records(benched_runs)[: len(known)] == known
    assert sorted({(record["kind"], record["threads"], record["batch"]) for record in added}) == [
        *(("batch", 1, 4), ("batch", 2, 4), ("latency", 2, 1), ("memory", 2, 1)),
    ]
    after = rows_of(benched_runs, path)
    assert list(after) == [1, 2]
    for key in ("predictions", "latency_ms", "peak_rss_bytes"):
        assert after[1][key] == before[key]
    assert [entry["batch"] for entry in after[1]["batches"]] == [4]


def test_what_is_not_asked_for_again_stays(benched_runs: Path) -> None:
    path, other, *_ = find_artifacts([], benched_runs)
    heard = Heard()
    bench([path], laptop(), dataclasses.replace(SHORT, threads=(2,), batches=(4,)))
    document = bench([path, other], laptop(), dataclasses.replace(SHORT, threads=(1,)), progress=heard)
    assert list(rows_of(benched_runs, path)) == [1, 2]
    assert [entry["batch"] for entry in rows_of(benched_runs, path)[2]["batches"]] == [4]
    assert list(rows_of(benched_runs, other)) == [1]
    shown = {row["threads"] for row in document["results"] if Path(row["artifact"]).name == path.name}
    assert shown == {1, 2}

    unchanged, known = result_file(benched_runs).read_bytes(), records(benched_runs)
    bench([path, other], laptop(), SHORT)
    assert result_file(benched_runs).read_bytes() == unchanged
    assert records(benched_runs) == known

    bench([path], laptop(), SHORT, overwrite=True)
    assert list(rows_of(benched_runs, path)) == [1]


def test_an_addition_under_other_settings_is_refused(benched_runs: Path) -> None:
    paths = find_artifacts([], benched_runs)[:1]
    before = result_file(benched_runs).read_bytes()
    for threads in ((1, 3), (3,)):
        with pytest.raises(UsageError, match="--overwrite"):
            bench(paths, laptop(), dataclasses.replace(SHORT, threads=threads, min_runs=14))
    assert result_file(benched_runs).read_bytes() == before


def test_an_addition_that_was_finished_and_not_yet_written_is_written(benched_runs: Path) -> None:
    path = find_artifacts([], benched_runs)[0]
    before = result_file(benched_runs).read_bytes()
    more = dataclasses.replace(SHORT, batches=(1, 4))
    bench([path], laptop(), more)
    known = records(benched_runs)
    result_file(benched_runs).write_bytes(before)
    bench([path], laptop(), more)
    assert records(benched_runs) == known
    assert [entry["batch"] for entry in rows_of(benched_runs, path)[1]["batches"]] == [4]


@pytest.mark.skipif(sys.platform == "win32", reason="emulated boards run Linux")
def test_instructions_are_added_once_there_is_a_counter_and_stay_without_it(
    runs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counter is a mock: a worker whose system answers the call that an emulator's counter answers."""
    (tmp_path / "counter").mkdir()
    (tmp_path / "counter" / "sitecustomize.py").write_text(
        "import itertools, os, sys\n"
        "ticks = itertools.count(0, 1000)\n"
        "os.lseek = lambda pipe, *_: os.write(pipe, next(ticks).to_bytes(8, sys.byteorder))\n"
    )
    package = Path(artifact.__file__).parents[2]
    monkeypatch.setenv("EDGEALL_EMULATED", "1")
    monkeypatch.delenv("EDGEALL_COUNTER", raising=False)
    settings = dataclasses.replace(SHORT, count_instructions=True)
    path = find_artifacts([], runs_folder)[0]
    assert bench([path], laptop(), settings)["results"][0]["instructions"] is None
    known = records(runs_folder)

    monkeypatch.setenv("EDGEALL_COUNTER", f"env PYTHONPATH={tmp_path / 'counter'}:{package}")
    bench([path], laptop(), settings)
    added = [json.loads(line) for line in records(runs_folder)[len(known) :]]
    assert [record["kind"] for record in added] == ["instructions"]
    assert records(runs_folder)[: len(known)] == known
    assert rows_of(runs_folder, path)[1]["instructions_told"] == {"runs": [0, 0]}

    monkeypatch.delenv("EDGEALL_COUNTER")
    bench([path], laptop(), dataclasses.replace(settings, threads=(1, 3)))
    assert rows_of(runs_folder, path)[1]["instructions"] == 0


@pytest.mark.parametrize("other", ["settings", "images"])
def test_records_of_before_the_results_do_not_replace_them_unasked(
    other: str, benched_runs: Path, tmp_path: Path
) -> None:
    """What is shown is what the file holds: the records of the first bench are there, and its results no longer."""
    path = find_artifacts([], benched_runs)[0]
    settings, data = SHORT, None
    if other == "settings":
        settings = dataclasses.replace(SHORT, min_runs=14)
    else:
        data = tmp_path / "other"
        draw(data, {"healthy": 5, "all": 5}, seed=1)
    bench([path], laptop(), settings, data=data, overwrite=True)
    held, known = result_file(benched_runs).read_bytes(), records(benched_runs)

    for again in (SHORT, dataclasses.replace(SHORT, threads=(1, 2))):
        with pytest.raises(UsageError, match=r"laptop\.json .*--overwrite"):
            bench([path], laptop(), again)
    assert result_file(benched_runs).read_bytes() == held
    assert records(benched_runs) == known
    bench([path], laptop(), settings, data=data)
    assert result_file(benched_runs).read_bytes() == held

    (row,) = bench([path], laptop(), SHORT, overwrite=True)["results"]
    assert row["settings"]["min_runs"] == SHORT.min_runs
    assert rows_of(benched_runs, path)[1] == row


def test_what_failed_and_was_measured_before_an_interruption_is_added(benched_runs: Path) -> None:
    """The results lack a round that failed; its record is there since."""
    path = find_artifacts([], benched_runs)[0]
    whole = rows_of(benched_runs, path)[1]
    document = json.loads(result_file(benched_runs).read_text())
    (row,) = [each for each in document["results"] if each["sha256"] == whole["sha256"]]
    latency = row["latency_ms"]
    latency["raw"], latency["rounds"] = latency["raw"][: latency["rounds"][0]["n"]], latency["rounds"][:1]
    document["failures"] = [
        {
            "artifact": row["artifact"],
            "sha256": row["sha256"],
            "kind": "latency",
            "threads": 1,
            "round": 1,
            "error": "lost",
        }
    ]
    result_file(benched_runs).write_text(json.dumps(document))
    bench([path], laptop(), SHORT)
    assert rows_of(benched_runs, path)[1]["latency_ms"] == whole["latency_ms"]
    assert json.loads(result_file(benched_runs).read_text())["failures"] == []


def test_a_changed_artifact_is_measured_anew_and_its_old_figures_go(
    benched_runs: Path, tmp_path: Path
) -> None:
    path = benched_runs / "tiny" / "exports" / "tiny_onnx-int8.onnx"
    old = artifact.read(path)
    path.unlink()
    # The same network under other provenance is another artifact.
    other = make_run(tmp_path / "other", runs.load(benched_runs / "tiny").data.root)
    new = make_artifact(other, "onnx", "int8")
    shutil.copy(new.path, path)
    document = bench([path], laptop(), SHORT)
    assert [row["sha256"] for row in document["results"]] == [new.sha256]
    kept = {row["sha256"] for row in json.loads(result_file(benched_runs).read_text())["results"]}
    assert new.sha256 in kept
    assert old.sha256 not in kept
    assert len(kept) == 3
