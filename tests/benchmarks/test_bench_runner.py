"""The section `runner` of `make bench`: a tool that cannot measure costs its own row alone."""

from pathlib import Path
from typing import Any

import pytest
from bench.rounds import Rounds
from bench.section import Bench, Row
from bench.sections import runner
from small_run import draw, make_artifact, make_run

from edgeall.artifact import Format


def rows_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Format) -> list[Row]:
    """Of one artifact. edgeall's own measurement is a mock."""
    draw(tmp_path / "data", {"healthy": 12, "all": 12})
    made = make_artifact(make_run(tmp_path / "tiny", tmp_path / "data"), format, "float32")
    answer: tuple[Any, None] = ({"model_ns": [1_000_000] * 30}, None)
    monkeypatch.setattr(runner.samples, "artifacts", lambda bench: [made])
    monkeypatch.setattr(runner, "work", lambda plan, job: answer)
    rounds = Rounds(tmp_path / "rounds.jsonl")
    return list(runner.measure(Bench(True, tmp_path, tmp_path, rounds, {}, lambda text: None)))


def test_an_engine_whose_tool_is_not_here_has_a_row_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEALL_BENCHMARK_APP", str(tmp_path / "nowhere"))
    (row,) = rows_of(tmp_path, monkeypatch, "openvino")
    assert (row.peer, row.outcome) == ("benchmark_app", "not shown")
    assert "is no program" in row.note


@pytest.mark.parametrize(
    ("script", "seconds", "note"),
    [
        ("raise SystemExit('no such kind')", 60.0, "the bare loop ended with status 1: no such kind"),
        ("import time; time.sleep(60)", 0.2, "the bare loop was stopped after 0.2 s"),
    ],
    ids=["fails", "takes too long"],
)
def test_a_bare_loop_that_does_not_answer_has_a_row_that_says_so(
    script: str, seconds: float, note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BARE", script)
    monkeypatch.setattr(runner, "TIMEOUT", seconds)
    (row,) = rows_of(tmp_path, monkeypatch, "onnx")
    assert (row.outcome, row.note) == ("not shown", note)
