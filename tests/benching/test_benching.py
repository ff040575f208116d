"""A whole bench on real, tiny artifacts: its document, its files, what it takes and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from small_run import draw
from tiny_bench import SHORT, Heard, bench, laptop, result_file

from edgeall import results
from edgeall.benching import find_artifacts
from edgeall.errors import ArtifactError, MeasurementError, RunError, UsageError
from edgeall.measuring.plan import BenchSettings
from edgeall.targets import Profile

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
        # Which of the two is larger depends on what else the machine does meanwhile.
        assert row["end_to_end_ms"]["p50"] > 0
        assert row["n"] == 12
    float32, int8, _ = document["results"]
    assert float32["executed_precision"] == "float32"
    assert int8["executed_precision"] == "int8"
    assert int8["vs_float"]["n"] == 12
    assert {"before", "after"} == set(document["environment"])


def test_a_runs_result_file_is_the_same_document(benched: tuple[Path, dict[str, Any]]) -> None:
    folder, document = benched
    assert json.loads(result_file(folder / "runs").read_text()) == document


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
    hurried = BenchSettings(**{**vars(SHORT), "pass_seconds": 0.01})
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


def test_every_key_that_a_bench_writes_is_a_typed_field(benched: tuple[Path, dict[str, Any]]) -> None:
    """What has no field is lost when the document is read."""
    folder, document = benched
    for written in (document, json.loads(result_file(folder / "runs").read_text())):
        assert results.to_json(results.build("bench", written)) == written


def test_results_of_other_exports_stay_as_they_are_with_keys_of_other_versions(benched_runs: Path) -> None:
    file, (first, *_) = result_file(benched_runs), find_artifacts([], benched_runs)
    document = json.loads(file.read_text())
    for row in document["results"]:
        row["later"] = {"version": [2]}
    file.write_text(json.dumps(document))
    bench([first], laptop(), SHORT, overwrite=True)
    again = json.loads(file.read_text())["results"]
    others = [row for row in document["results"] if Path(row["artifact"]).name != first.name]
    assert [row for row in again if "later" in row] == others
    assert len(again) == len(document["results"])


def test_a_bench_on_images_of_which_only_some_have_a_subject_has_results(
    runs_folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    draw(other, {"healthy": 4, "all": 4}, seed=1)
    for index in range(2):
        (other / "all" / f"all0{index}.png").rename(other / "all" / f"UID_{index}_1_1_all.png")
    (row,) = bench(find_artifacts([], runs_folder)[:1], laptop(), SHORT, data=other)["results"]
    assert (row["n"], row["clusters"], row["predictions"]["subjects"]) == (8, None, None)
