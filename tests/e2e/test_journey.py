"""The whole journey as a user travels it: the installed command, one process a step, real engines, drawn smears."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

EDGEALL = Path(sys.executable).parent / "edgeall"

INTERVAL = {
    "type": ["object", "null"],
    "required": ["value", "low", "high"],
    "properties": {key: {"type": ["number", "null"]} for key in ("value", "low", "high")},
}
PARAMS = {
    "type": "object",
    "required": ["total", "trainable", "non_trainable"],
    "additionalProperties": {"type": "integer"},
}


def a_list_of(required: str, **properties: Any) -> dict[str, Any]:
    item = {"type": "object", "required": required.split(), "properties": properties}
    return {"type": "array", "minItems": 1, "items": item}


PROMISED = {
    "backbones": a_list_of("name head input_size preprocessing params", params=PARAMS),
    "train": {
        "type": "object",
        "required": ["run", "backbone", "head", "params", "split", "test"],
        "properties": {
            "params": PARAMS,
            "split": {"required": ["train", "val", "test", "grouped_by"]},
            "test": {"required": ["n", "accuracy", "f1", "auc"]},
        },
    },
    "export": {
        "type": "object",
        "required": ["artifacts"],
        "properties": {
            "artifacts": a_list_of(
                "path run backbone format precision size_bytes sha256 seconds parity fallbacks cached",
                parity={"required": ["n", "agreement", "max_abs_diff", "mean_abs_diff", "passed"]},
                fallbacks={"type": "array"},
                cached={"type": "boolean"},
            )
        },
    },
    "bench": {
        "type": "object",
        "required": ["schema", "device", "results"],
        "properties": {
            "device": {"required": ["name", "model", "cpu", "emulated"]},
            "results": a_list_of(
                """artifact backbone format precision executed_precision engine threads n accuracy f1 auc
                sensitivity specificity vs_float latency_ms end_to_end_ms cold_start_ms throughput_per_s
                peak_rss_bytes size_bytes latency_kind""",
                engine={"required": ["name", "version"]},
                accuracy=INTERVAL,
                f1=INTERVAL,
                auc=INTERVAL,
                sensitivity=INTERVAL,
                specificity=INTERVAL,
                vs_float={"required": ["agreement", "accuracy_delta", "p_value"]},
                latency_ms={"required": ["n", "p50", "p90", "mean", "min", "raw"]},
                latency_kind={"const": "measured"},
            ),
        },
    },
    "classify": {
        "type": "object",
        "required": ["path", "label", "probability", "decision", "quality", "model", "ms"],
        "properties": {
            "probability": {"minimum": 0, "maximum": 1},
            "decision": {"enum": ["positive", "negative", "refer"]},
            "quality": {"required": ["ok", "reasons"]},
        },
    },
}
"""Keys that scripts rely on, by command."""


def edgeall(*arguments: object, cwd: Path, status: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed command; fails with its standard error where the exit status is not the wanted one."""
    done = subprocess.run(
        [EDGEALL, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"XDG_CACHE_HOME": str(cwd / "cache"), "XDG_CONFIG_HOME": str(cwd / "config")},
        capture_output=True,
        text=True,
        check=False,
    )
    if status is not None:
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stderr}"
    return done


def document(command: str, done: subprocess.CompletedProcess[str]) -> Any:
    """What a command printed as JSON, held to what is promised of it."""
    found = json.loads(done.stdout)
    jsonschema.validate(found, PROMISED[command])
    return found


@dataclass(frozen=True)
class Travelled:
    """A journey: where, and what each command printed."""

    cwd: Path
    trained: dict[str, Any]
    exported: dict[str, Any]
    benched: dict[str, Any]


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> Travelled:
    cwd = tmp_path_factory.mktemp("journey")
    edgeall("data", "synth", "smears", "--healthy", 14, "--leukaemia", 14, "--size", "480x360", cwd=cwd)
    return Travelled(
        cwd,
        document(
            "train",
            edgeall(
                *("train", "smears", "--backbone", "mobilenetv2", "--input-size", 96, "--name", "tiny"),
                *("--head-epochs", 3, "--epochs", 0, "--views", 1, "--json"),
                cwd=cwd,
            ),
        ),
        # Status 1 says that INT8 does not keep its tolerance, which so short a training may well bring about.
        document("export", edgeall("export", "--int8", "--json", cwd=cwd, status=None)),
        document(
            "bench",
            edgeall(
                *("bench", "--device", "laptop", "--threads", 1, "--rounds", 2),
                *("--min-runs", 12, "--min-seconds", 0, "--json"),
                cwd=cwd,
            ),
        ),
    )


@pytest.mark.slow
class TestTheJourney:
    def test_gives_six_artifacts_of_one_training(self, travelled: Travelled) -> None:
        artifacts = travelled.exported["artifacts"]
        assert {(each["format"], each["precision"]) for each in artifacts} == {
            (format, precision)
            for format in ("tflite", "onnx", "openvino")
            for precision in ("float32", "int8")
        }
        assert travelled.trained["split"]["grouped_by"] == "image"

    def test_float_artifacts_answer_as_the_keras_model_does(self, travelled: Travelled) -> None:
        for each in travelled.exported["artifacts"]:
            if each["precision"] == "float32":
                assert each["parity"]["passed"], each
                assert each["parity"]["max_abs_diff"] < 1e-3

    def test_int8_is_int8_inside(self, travelled: Travelled) -> None:
        for each in travelled.exported["artifacts"]:
            if each["precision"] == "int8":
                # Of the model that formats share, OpenVINO adds residuals in float.
                shared = each["shared"] is not None and each["format"] == "openvino"
                kinds = {left.split()[1] for left in each["left_in_float"]}
                assert kinds <= ({"Subgraph"} if shared else set()), each
        for result in travelled.benched["results"]:
            assert result["executed_precision"] == result["precision"], result["artifact"]

    def test_every_artifact_is_benched_on_the_test_images(self, travelled: Travelled) -> None:
        results = travelled.benched["results"]
        assert len(results) == 6
        assert {result["n"] for result in results} == {travelled.trained["split"]["test"]}
        assert not travelled.benched["device"]["emulated"]

    def test_manifest_and_result_files_hold_what_was_printed(self, travelled: Travelled) -> None:
        run = travelled.cwd / "runs" / "tiny"
        manifest = json.loads((run / "exports" / "manifest.json").read_text())
        benched = json.loads((run / "bench" / "laptop.json").read_text())
        printed = travelled.exported["artifacts"]
        assert {each["sha256"] for each in manifest["artifacts"]} == {each["sha256"] for each in printed}
        assert benched["results"] == travelled.benched["results"]

    def test_a_second_export_makes_nothing_again(self, travelled: Travelled) -> None:
        again = document("export", edgeall("export", "--int8", "--json", cwd=travelled.cwd, status=None))
        assert all(each["cached"] for each in again["artifacts"])
        assert [each["sha256"] for each in again["artifacts"]] == [
            each["sha256"] for each in travelled.exported["artifacts"]
        ]

    def test_report_tells_what_was_drawn_and_how_it_was_split(self, travelled: Travelled) -> None:
        edgeall("report", "-o", "report.md", cwd=travelled.cwd)
        text = (travelled.cwd / "report.md").read_text()
        assert "synthetic" in text
        assert "split by image" in text
        assert "random weights" in text

    def test_every_format_classifies_from_the_artifact_alone(
        self, travelled: Travelled, tmp_path: Path
    ) -> None:
        image = next((travelled.cwd / "smears" / "im").glob("*.jpg"))
        (tmp_path / "photo.jpg").write_bytes(image.read_bytes())
        scores = {}
        for each in travelled.exported["artifacts"]:
            if each["precision"] == "float32":
                model = travelled.cwd / each["path"]
                for file in model.parent.glob(f"{model.stem}.*"):
                    (tmp_path / file.name).write_bytes(file.read_bytes())
                done = edgeall("classify", "photo.jpg", "--model", model.name, "--json", cwd=tmp_path)
                scores[each["format"]] = document("classify", done)["probability"]
        assert len(scores) == 3
        assert max(scores.values()) - min(scores.values()) < 1e-3

    def test_classify_goes_on_after_a_broken_image(self, travelled: Travelled, tmp_path: Path) -> None:
        images = sorted((travelled.cwd / "smears" / "im").glob("*.jpg"))[:2]
        broken = tmp_path / "broken.jpg"
        broken.write_bytes(images[0].read_bytes()[:400])
        model = next((travelled.cwd / "runs" / "tiny" / "exports").glob("*_tflite-int8.tflite"))
        done = edgeall(
            *("classify", images[0], broken, images[1], "--model", model, "--json"),
            cwd=tmp_path,
            status=1,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert ["error" in line for line in lines] == [False, True, False]
        assert str(broken) in done.stderr

    def test_a_truncated_artifact_is_refused_in_one_line(self, travelled: Travelled, tmp_path: Path) -> None:
        whole = next((travelled.cwd / "runs" / "tiny" / "exports").glob("*_onnx-fp32.onnx"))
        cut = tmp_path / "cut.onnx"
        cut.write_bytes(whole.read_bytes()[:-1000])
        done = edgeall("inspect", cut, cwd=tmp_path, status=2)
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1


def test_backbones_prints_what_is_promised(tmp_path: Path) -> None:
    found = document("backbones", edgeall("backbones", "--json", cwd=tmp_path))
    assert {each["name"] for each in found} == {
        *("vgg16", "vgg19", "resnet101v2", "densenet201", "mobilenetv2", "inceptionv3")
    }


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("train", "nowhere", "--backbone", "mobilenetv2"), "nowhere"),
        (("train", ".", "--backbone", "mobilenetv3"), "mobilenetv2"),
        (("export",), "runs"),
        (("export", "--format", "tflit"), "tflite"),
        (("bench", "--device", "laptp"), "laptop"),
        (("classify", "photo.jpg", "--model", "none.tflite"), "none.tflite"),
        (("inspect", "none.onnx"), "none.onnx"),
        (("report", "none.json"), "none.json"),
        (("data", "check", "nowhere"), "nowhere"),
        (("clasify",), "classify"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_gets_one_line_that_names_it_and_status_2(
    arguments: tuple[str, ...], names: str, tmp_path: Path
) -> None:
    done = edgeall(*arguments, cwd=tmp_path, status=2)
    assert done.stdout == ""
    assert names in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
