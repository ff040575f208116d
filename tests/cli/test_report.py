"""`edgeall report` as a user calls it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeall.cli.main import main

Estimate = dict[str, float]


def bench(device: str = "laptop", backbone: str = "mobilenetv2", accuracy: float = 0.9) -> dict[str, Any]:
    """The least that a bench result holds."""
    estimate: Estimate = {"value": accuracy, "low": 0.7, "high": 0.97}
    latency = {"n": 64, "p50": 4.0, "p90": 4.4, "mean": 4.1, "min": 3.9, "raw": []}
    result = {
        "artifact": f"{backbone}.tflite",
        "backbone": backbone,
        "format": "tflite",
        "precision": "int8",
        "executed_precision": "int8",
        "engine": {"name": "ai-edge-litert", "version": "2.3.0"},
        "threads": 1,
        "n": 20,
        "accuracy": estimate,
        "f1": estimate,
        "auc": estimate,
        "sensitivity": estimate,
        "specificity": estimate,
        "vs_float": {"agreement": 0.95, "accuracy_delta": -0.05, "p_value": 1.0},
        "latency_ms": latency,
        "end_to_end_ms": latency,
        "cold_start_ms": 200.0,
        "throughput_per_s": 240.0,
        "peak_rss_bytes": 84_000_000,
        "size_bytes": 2_600_000,
        "latency_kind": "measured",
    }
    device_keys = {"name": device, "model": None, "cpu": "a CPU", "emulated": False}
    return {"schema": 1, "device": device_keys, "results": [result]}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs, one of them benched on two devices."""
    monkeypatch.chdir(tmp_path)
    for run, device in (("mobile", "laptop"), ("mobile", "rpi5"), ("dense", "laptop")):
        folder = tmp_path / "runs" / run / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{device}.json").write_text(json.dumps(bench(device, run)))
        (folder / f"{device}.records.jsonl").write_text("{}\n")
    return tmp_path


@pytest.fixture
def report(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["report", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


Report = Callable[..., tuple[int, str, str]]


def test_without_a_name_it_takes_every_result_under_runs(report: Report) -> None:
    status, out, err = report()
    assert (status, err) == (0, "")
    assert "laptop (a CPU)" in out
    assert "rpi5 (a CPU)" in out
    assert "90.0 [70.0–97.0]" in out


@pytest.mark.parametrize("named", ["runs/dense", "dense", "runs/dense/bench/laptop.json"])
def test_a_run_or_a_file_may_be_named(named: str, report: Report) -> None:
    status, out, _ = report(named)
    assert status == 0
    assert "dense" in out
    assert "mobile" not in out


def test_json_is_one_document_with_the_results_as_they_were_and_the_verdicts(report: Report) -> None:
    status, out, _ = report("--json")
    document = json.loads(out)
    assert status == 0
    assert bench("rpi5", "mobile") in document["benches"]
    assert [verdict["device"] for verdict in document["verdicts"]] == ["laptop", "rpi5"]
    assert report("--format", "json")[1] == out


def test_the_suffix_decides_the_format_of_a_file(workplace: Path, report: Report) -> None:
    starts = {
        "r.md": "# Bench report",
        "r.json": "{",
        "r.csv": "device,",
        "r.txt": "Side by side",
        "r.html": "<!doctype html>",
    }
    for name, start in starts.items():
        status, out, err = report("-o", name)
        assert (status, out, err) == (0, "", f"wrote {name}\n")
        assert (workplace / name).read_text().lstrip().startswith(start)
    assert report("r.json")[0] == 0


def test_markdown_and_csv_may_go_to_standard_output(report: Report) -> None:
    assert report("--format", "markdown")[1].startswith("# Bench report")
    assert report("--format", "csv")[1].startswith("device,machine,")


def test_a_file_is_replaced_only_when_asked(workplace: Path, report: Report) -> None:
    (workplace / "r.md").write_text("mine")
    status, _, err = report("-o", "r.md")
    assert status == 2
    assert err == "edgeall: r.md exists already: give another name, or --overwrite to replace it\n"
    assert (workplace / "r.md").read_text() == "mine"
    assert report("-o", "r.md", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "nothing: no such result file or run"),
        (["nothing.json"], "nothing.json: no such file; make results with: edgeall bench"),
        (["runs"], "runs: no results there (bench/*.json); make them with: edgeall bench runs"),
        (["-o", "r.doc"], "r.doc: name it .html, .pdf, .md, .csv, .json or .txt, or say which with --format"),
        (["--format", "html"], "--format html needs a file: add -o report.html"),
        (["--format", "pdf"], "--format pdf needs a file: add -o report.pdf"),
        (
            ["--json", "--format", "markdown"],
            "--json and --format markdown contradict each other; leave one out",
        ),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(arguments: list[str], said: str, report: Report) -> None:
    assert report(*arguments) == (2, "", f"edgeall: {said}\n")


def test_a_broken_result_is_named_and_nothing_is_written(workplace: Path, report: Report) -> None:
    (workplace / "broken.json").write_text('{"schema": 1, "device": {}, "results": []}')
    status, out, err = report("broken.json", "-o", "r.md")
    assert (status, out) == (2, "")
    assert re.match(r"edgeall: broken\.json: device\.name:? (is )?missing", err)
    assert err.count("\n") == 1
    assert not (workplace / "r.md").exists()


def test_no_runs_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    status, _, err = report()
    assert status == 2
    assert "make them with edgeall bench" in err
