"""Reference figures: written as measured, read back, and compared by the stated rules."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bench_documents import document, result

pytest.importorskip("yaml", reason="workstation: writes YAML")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reference_figures.py"
REFERENCES = Path(__file__).parents[2] / "docs" / "reference-figures"

Call = Callable[..., int]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_figures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def call(script: ModuleType, tmp_path: Path) -> Call:
    """Enter results into, or compare them with, the reference files of a folder of the test's own."""

    def run(bench: dict[str, Any], *options: str) -> int:
        file = tmp_path / "bench.json"
        file.write_text(json.dumps(bench))
        return int(script.main([str(file), "--folder", str(tmp_path / "figures"), *options]))

    return run


def measured(
    cpu: str = "Example CPU", version: str = "2.3.0", formats: str = "tflite", **changes: Any
) -> dict[str, Any]:
    """A bench of artifacts of one run in some formats; each with 60 test images."""
    images = {"negatives": 30, "positives": 30, "wrong": [3]} | changes
    results = [
        result(
            format=format,
            artifact=f"runs/mobile/exports/mobile.{format}",
            run="mobile",
            engine={"name": format, "version": version},
            **images,
        )
        for format in formats.split()
    ]
    found = document(results)
    found["device"]["cpu"] = cpu
    return found


def test_what_is_written_is_read_back(call: Call, script: ModuleType, tmp_path: Path) -> None:
    assert call(measured(subjects=10)) == 0
    reference = script.read(tmp_path / "figures" / "mobile.yaml")
    (figures,) = reference.figures
    assert (figures.artifact, figures.engine.version) == ("mobile.tflite", "2.3.0")
    assert figures.place.processor == "Example CPU, 2 cores"
    assert (figures.latency_ms.kind, figures.latency_ms.rounds, figures.latency_ms.runs) == (
        "measured",
        5,
        80,
    )
    assert figures.accuracy.value == pytest.approx(59 / 60, abs=1e-4)
    assert (reference.test_set.images, reference.test_set.subjects) == (60, 10)
    assert len(figures.wrong) == 1


def test_another_engine_version_or_processor_stands_beside_and_the_same_replaces(
    call: Call, script: ModuleType, tmp_path: Path
) -> None:
    for bench in (
        measured(),
        measured(version="2.4.0"),
        measured(cpu="Other CPU"),
        measured(version="2.4.0"),
    ):
        assert call(bench) == 0
    figures = script.read(tmp_path / "figures" / "mobile.yaml").figures
    found = [(each.place.processor.split(",")[0], each.engine.version) for each in figures]
    assert found == [("Example CPU", "2.3.0"), ("Other CPU", "2.3.0"), ("Example CPU", "2.4.0")]


SLOW = tuple(13.0 + step / 10 for step in range(5))


@pytest.mark.parametrize(
    ("now", "status", "said"),
    [
        ({"version": "2.4.0"}, 0, "tflite on laptop, tflite, 1 thread: held beside tflite 2.3.0"),
        ({"wrong": range(3, 15)}, 1, "regressed: mobile: mobile.tflite on laptop, tflite, 1 thread: accuracy 98.3 →"),
        # One more wrong of 60 is not shown to be worse.
        ({"wrong": [3, 4]}, 0, "held: "),
        ({"medians": SLOW}, 1, "latency 10.2 → 13.4 ms"),
        ({"medians": SLOW, "cpu": "Other CPU"}, 0, "held: "),
        ({"size_mb": 9.4}, 0, "held: "),
        ({"size_mb": 9.5}, 1, "size 9.00 → 9.50 MB"),
        ({"formats": "onnx"}, 1, "missing: mobile: mobile.tflite on laptop, tflite, 1 thread"),
        ({"formats": "tflite onnx"}, 0, "new: mobile: mobile.onnx on laptop, onnx, 1 thread"),
    ],
)  # fmt: skip
def test_the_diff(
    call: Call, now: dict[str, Any], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(measured()) == 0
    capsys.readouterr()
    assert call(measured(**now), "--diff") == status
    assert said in capsys.readouterr().out


def test_the_diff_leaves_out_runs_of_which_no_result_is_named(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    other = measured()
    for row in other["results"]:
        row |= {"run": "other", "artifact": "runs/other/exports/other.tflite"}
    assert call(other) == call(measured()) == 0
    capsys.readouterr()
    assert call(measured(), "--diff") == 0
    said = capsys.readouterr().out
    assert "missing: " not in said
    assert "not compared, because no result of them is named: other" in said


def test_the_diff_writes_nothing(call: Call, tmp_path: Path) -> None:
    assert call(measured()) == 0
    before = (tmp_path / "figures" / "mobile.yaml").read_bytes()
    call(measured(version="9"), "--diff")
    assert (tmp_path / "figures" / "mobile.yaml").read_bytes() == before


def test_on_other_test_images_the_interval_decides(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(measured()) == 0
    assert call(measured(negatives=40, wrong=range(3, 23)), "--diff") == 1
    assert "accuracy 98.3 → 71.4 %" in capsys.readouterr().out


def test_a_damaged_reference_is_one_line(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mobile.yaml").write_text("schema: 1\nrun: [")
    assert call(measured(), "--diff") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "mobile.yaml: is no reference file" in line


@pytest.mark.parametrize("file", sorted(REFERENCES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_repositorys_reference_files_name_processor_and_images(script: ModuleType, file: Path) -> None:
    reference = script.read(file)
    assert reference.run == file.stem
    assert reference.figures
    for figures in reference.figures:
        assert figures.place.processor != "not known"
        assert figures.latency_ms is None or figures.latency_ms.runs > 0
        assert figures.accuracy.method
    assert reference.test_set.images > 0
