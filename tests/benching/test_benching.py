"""A whole bench on real, tiny artifacts: its document, its files, going on after an interruption, replacing nothing."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from small_run import draw, make_artifact, make_run

from edgeall import artifact, runs
from edgeall.benching import bench, find_artifacts
from edgeall.errors import ArtifactError, MeasurementError, RunError, UsageError
from edgeall.measuring.plan import Settings
from edgeall.measuring.records import Journal
from edgeall.progress import Advance
from edgeall.targets import Profile, load_profile

SHORT = Settings(rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5)

ESTIMATE = {
    "type": "object",
    "required": ["value", "low", "high"],
    "properties": {
        "value": {"type": "number", "minimum": 0, "maximum": 1},
        "low": {"type": "number", "minimum": 0, "maximum": 1},
        "high": {"type": "number", "minimum": 0, "maximum": 1},
    },
}
TIMING = {
    "type": "object",
    "required": ["n", "p50", "p90", "mean", "min", "raw"],
    "properties": {
        "n": {"type": "integer", "minimum": 1},
        "mean": {"type": "number", "exclusiveMinimum": 0},
        "min": {"type": "number", "exclusiveMinimum": 0},
        "raw": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 1},
    },
}
RESULT = {
    "type": "object",
    "required": [
        *("artifact", "backbone", "format", "precision", "executed_precision", "engine", "threads", "n"),
        *("accuracy", "f1", "auc", "sensitivity", "specificity", "vs_float", "latency_ms", "end_to_end_ms"),
        *("cold_start_ms", "throughput_per_s", "peak_rss_bytes", "size_bytes", "latency_kind"),
    ],
    "properties": {
        "format": {"enum": ["tflite", "onnx", "openvino"]},
        "precision": {"enum": ["float32", "float16", "int8"]},
        "executed_precision": {"type": "string"},
        "engine": {
            "type": "object",
            "required": ["name", "version"],
            "additionalProperties": {"type": "string"},
        },
        "threads": {"type": "integer", "minimum": 1},
        "n": {"type": "integer", "minimum": 1},
        **dict.fromkeys(("accuracy", "f1", "auc", "sensitivity", "specificity"), ESTIMATE),
        "vs_float": {
            "oneOf": [
                {"type": "null"},
                {"type": "object", "required": ["agreement", "accuracy_delta", "p_value"]},
            ]
        },
        **dict.fromkeys(("latency_ms", "end_to_end_ms"), TIMING),
        "cold_start_ms": {"type": "number", "exclusiveMinimum": 0},
        "throughput_per_s": {"type": "number", "exclusiveMinimum": 0},
        "peak_rss_bytes": {"type": "integer", "exclusiveMinimum": 0},
        "size_bytes": {"type": "integer", "exclusiveMinimum": 0},
        "latency_kind": {"const": "measured"},
    },
}
DOCUMENT = {
    "type": "object",
    "required": ["schema", "device", "results"],
    "properties": {
        "schema": {"const": 1},
        "device": {
            "type": "object",
            "required": ["name", "model", "cpu", "emulated"],
            "properties": {"name": {"const": "laptop"}, "emulated": {"type": "boolean"}},
        },
        "results": {"type": "array", "items": RESULT, "minItems": 1},
    },
}


class Heard:
    """A listener that remembers, and may stop everything as a user's Ctrl-C does."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.notes: list[str] = []
        self.total = self.done = 0
        self._stop_after = stop_after

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        self.total = total

        def advance(steps: int) -> None:
            self.done += steps
            if self.done == self._stop_after:
                raise KeyboardInterrupt

        yield advance

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/` and `runs/tiny/` with three exports; never changed."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data", {"healthy": 12, "all": 12})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    make_artifact(run, "onnx", "float32")
    make_artifact(run, "onnx", "int8")
    make_artifact(run, "openvino", "float32")
    return folder


@pytest.fixture(scope="module")
def benched(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy of it after a bench, and the bench's document."""
    folder = tmp_path_factory.mktemp("benched")
    shutil.copytree(made / "runs", folder / "runs")
    return folder, bench(find_artifacts([], folder / "runs"), laptop(), SHORT)


@pytest.fixture
def runs_folder(made: Path, tmp_path: Path) -> Path:
    """Runs that were never benched."""
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


@pytest.fixture
def benched_runs(benched: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """Runs that were."""
    return Path(shutil.copytree(benched[0] / "runs", tmp_path / "runs"))


def laptop() -> Profile:
    return load_profile("laptop")


def result_file(folder: Path) -> Path:
    return folder / "tiny" / "bench" / "laptop.json"


def test_the_document_is_as_promised(benched: tuple[Path, dict[str, Any]]) -> None:
    document = benched[1]
    jsonschema.validate(json.loads(json.dumps(document, allow_nan=False)), DOCUMENT)
    assert [Path(row["artifact"]).name for row in document["results"]] == [
        "tiny_onnx-float32.onnx",
        "tiny_onnx-int8.onnx",
        "tiny_openvino-float32.xml",
    ]
    assert document["failures"] == []
    for row in document["results"]:
        assert len(row["latency_ms"]["raw"]) == row["latency_ms"]["n"] >= 12
        assert row["end_to_end_ms"]["p50"] > row["latency_ms"]["p50"]
        assert row["n"] == 12
    float32, int8, _ = document["results"]
    assert float32["executed_precision"] == "float32"
    assert int8["executed_precision"] == "int8"
    assert int8["vs_float"]["n"] == 12
    assert {"before", "after"} == set(document["environment"])


def test_a_runs_result_file_is_the_same_document(benched: tuple[Path, dict[str, Any]]) -> None:
    folder, document = benched
    assert json.loads(result_file(folder / "runs").read_text()) == document


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
    longer = Settings(**{**vars(SHORT), "min_runs": 14})
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
    bench([path], laptop(), dataclasses.replace(SHORT, threads=(1, 3), batches=(1, 4)))
    added = [json.loads(line) for line in records(benched_runs)[len(known) :]]
    assert records(benched_runs)[: len(known)] == known
    assert sorted({(record["kind"], record["threads"], record["batch"]) for record in added}) == [
        *(("batch", 1, 4), ("batch", 3, 4), ("latency", 3, 1), ("memory", 3, 1)),
    ]
    after = rows_of(benched_runs, path)
    assert list(after) == [1, 3]
    for key in ("predictions", "latency_ms", "peak_rss_bytes"):
        assert after[1][key] == before[key]
    assert [entry["batch"] for entry in after[1]["batches"]] == [4]


def test_what_is_not_asked_for_again_stays(benched_runs: Path) -> None:
    path, other, *_ = find_artifacts([], benched_runs)
    heard = Heard()
    bench([path], laptop(), dataclasses.replace(SHORT, threads=(3,), batches=(4,)))
    document = bench([path, other], laptop(), dataclasses.replace(SHORT, threads=(2,)), progress=heard)
    assert list(rows_of(benched_runs, path)) == [1, 2, 3]
    assert [entry["batch"] for entry in rows_of(benched_runs, path)[3]["batches"]] == [4]
    assert list(rows_of(benched_runs, other)) == [1, 2]
    shown = {row["threads"] for row in document["results"] if Path(row["artifact"]).name == path.name}
    assert shown == {1, 2, 3}

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


def test_a_damaged_artifact_is_named_and_the_others_are_benched(benched_runs: Path) -> None:
    path = benched_runs / "tiny" / "exports" / "tiny_onnx-int8.onnx"
    path.write_bytes(path.read_bytes()[:-9])
    heard = Heard()
    document = bench(find_artifacts([], benched_runs), laptop(), SHORT, progress=heard)
    assert [failure["artifact"] for failure in document["failures"]] == [str(path)]
    assert any(path.name in note for note in heard.notes)
    assert len(document["results"]) == 2


def test_nothing_but_damaged_artifacts_is_an_error(runs_folder: Path) -> None:
    path = runs_folder / "tiny" / "exports" / "tiny_onnx-int8.onnx"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtifactError, match=path.name):
        bench([path], laptop(), SHORT)


def test_a_device_is_given_only_the_formats_it_takes(runs_folder: Path) -> None:
    profile = Profile("laptop", "local", formats=("openvino",))
    heard = Heard()
    document = bench(find_artifacts([], runs_folder), profile, SHORT, progress=heard)
    assert {row["format"] for row in document["results"]} == {"openvino"}
    assert sum("does not take onnx" in note for note in heard.notes) == 2
    with pytest.raises(UsageError, match="no artifact"):
        bench(find_artifacts([], runs_folder), Profile("laptop", "local", formats=("tflite",)), SHORT)


def test_when_every_measurement_fails_the_reason_is_said(runs_folder: Path) -> None:
    hurried = Settings(**{**vars(SHORT), "pass_seconds": 0.01})
    with pytest.raises(MeasurementError, match=r"tiny_onnx-float32\.onnx.*stopped after 0\.01 s"):
        bench(find_artifacts([], runs_folder)[:1], laptop(), hurried)
    assert not result_file(runs_folder).exists()


def test_an_artifact_without_its_run_leaves_no_file_behind(made: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.onnx"
    shutil.copy(made / "runs" / "tiny" / "exports" / "tiny_onnx-float32.onnx", alone)
    document = bench([alone], laptop(), SHORT, data=made / "data")
    assert document["results"][0]["n"] == 24
    assert "optimistic" in document["results"][0]["grouped_by"]
    assert any("nothing tells whether" in note for note in document["notes"])
    assert sorted(tmp_path.iterdir()) == [alone]


def test_a_copy_of_an_artifact_is_measured_once(benched_runs: Path) -> None:
    path = benched_runs / "tiny" / "exports" / "tiny_onnx-float32.onnx"
    shutil.copy(path, path.with_name("copy.onnx"))
    heard = Heard()
    document = bench([path, path.with_name("copy.onnx")], laptop(), SHORT, progress=heard)
    assert len(document["results"]) == 1
    assert any("copy.onnx: the same artifact" in note for note in heard.notes)


def test_nothing_named_means_every_export_of_every_run(made: Path) -> None:
    exports = made / "runs" / "tiny" / "exports"
    everything = sorted(path for path in exports.iterdir() if path.suffix != ".bin")
    assert find_artifacts([], made / "runs") == everything
    assert find_artifacts(["tiny"], made / "runs") == everything
    assert find_artifacts([made / "runs" / "tiny"]) == everything
    assert find_artifacts([everything[0], made / "runs" / "tiny"]) == everything


def test_what_is_neither_run_nor_artifact_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        find_artifacts(["nothing"], made / "runs")
    with pytest.raises(RunError, match="edgeall train"):
        find_artifacts([], tmp_path)
    shutil.copytree(made / "runs" / "tiny", tmp_path / "bare", ignore=shutil.ignore_patterns("exports"))
    for named in ([tmp_path / "bare"], []):
        with pytest.raises(RunError, match="edgeall export"):
            find_artifacts(named, tmp_path)
