"""What a device or an earlier bench tells counts where it is of what was asked, and is not forgotten."""

import copy
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tiny_bench import SHORT, Heard, bench, laptop, result_file

from edgeall.benching import find_artifacts
from edgeall.errors import MeasurementError
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import EndOfMeasuring, Message, Record, Start
from edgeall.measuring.runner import run_plan
from edgeall.progress import SILENT

BENCH = sys.modules["edgeall.benching.bench"]
Change = Callable[[Message], list[Message]]


class Faulty:
    """This machine as a device, but for what `change` makes of each message."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def unreachable(self) -> None:
        return None

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        with closing(run_plan(plan, finished)) as messages:
            for message in messages:
                yield from self._change(message)

    def close(self) -> None:
        return None


def answers(change: Callable[[dict[str, Any]], object]) -> Change:
    """Changes what is in each accuracy."""

    def changed(message: Message) -> list[Message]:
        if isinstance(message, Record) and message.kind == "accuracy":
            result = copy.deepcopy(message.result)
            assert result is not None
            change(result)
            return [dataclasses.replace(message, result=result)]
        return [message]

    return changed


def first(count: int) -> Callable[[dict[str, Any]], object]:
    return lambda result: result.update({key: result[key][:count] for key in ("names", "probabilities")})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (first(3), "its answers are of 3 images, not of the 12 that were asked for"),
        (first(0), "its answers are of 0 images, not of the 12 that were asked for"),
        (lambda result: result["names"].reverse(), "its answers are of 12 images, not of the 12"),
        (
            lambda result: [row.append(0.0) for row in result["probabilities"]],
            "an answer is not of 2 classes",
        ),
    ],
)
def test_answers_to_other_images_are_a_failure_and_no_accuracy(
    change: Callable[[dict[str, Any]], object], why: str, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = find_artifacts([], runs_folder)[0]
    monkeypatch.setattr(BENCH, "open_target", lambda *_: Faulty(answers(change)))
    with pytest.raises(MeasurementError, match=why):
        bench([path], laptop(), SHORT)
    assert not result_file(runs_folder).exists()
    monkeypatch.undo()
    (row,) = bench([path], laptop(), SHORT)["results"]
    assert row["n"] == 12


def renamed(message: Message, **changes: Any) -> list[Message]:
    return [dataclasses.replace(message, **changes) if isinstance(message, Record) else message]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda message: renamed(message, key="another"), "that it was not asked"),
        (lambda message: renamed(message, threads=7), "that it was not asked"),
        (lambda message: renamed(message, round=9), "that it was not asked"),
        (
            lambda message: [message, *renamed(message)] if isinstance(message, Record) else [message],
            "or twice",
        ),
        (lambda message: [] if isinstance(message, Record) else [message], "stopped before the end"),
        (lambda message: [] if isinstance(message, EndOfMeasuring) else [message], "stopped before the end"),
        (lambda message: [] if isinstance(message, Start) else [message], "did not begin"),
        (lambda message: [message, message] if isinstance(message, Start) else [message], "began twice"),
        (lambda message: started(message, jobs=()), "does not measure what it was asked"),
        (lambda message: started(message, environment={}), "does not say what it is .model: missing."),
    ],
)
def test_a_device_that_tells_of_something_else_is_not_believed(
    change: Change, why: str, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BENCH, "open_target", lambda *_: Faulty(change))
    with pytest.raises(MeasurementError, match=why):
        bench(find_artifacts([], runs_folder)[:1], laptop(), SHORT)
    assert not result_file(runs_folder).exists()


def started(message: Message, **changes: Any) -> list[Message]:
    return [dataclasses.replace(message, **changes) if isinstance(message, Start) else message]


def journal(folder: Path) -> Path:
    return folder / "tiny" / "bench" / "laptop.records.jsonl"


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record["result"].clear(),
        lambda record: record.update(result=5),
        lambda record: record.update(thermal=[]),
        lambda record: record.update(key=[]),
        lambda record: record.pop("session"),
        lambda record: first(3)(record["result"]),
        lambda record: record["result"]["probabilities"].__setitem__(0, [40.0, -39.0]),
        lambda record: record.update(threads=record["threads"] + 1),
    ],
    ids=range(8),
)
def test_a_bad_record_is_passed_over_with_a_word_and_measured_again(
    damage: Callable[[dict[str, Any]], object], benched_runs: Path
) -> None:
    path = find_artifacts([], benched_runs)[0]
    before = bench([path], laptop(), SHORT)["results"][0]
    sha256 = before["sha256"]
    lines = [json.loads(line) for line in journal(benched_runs).read_text().splitlines()]
    (bad,) = (line for line in lines if (line["kind"], line["artifact"]) == ("accuracy", sha256))
    damage(bad)
    journal(benched_runs).write_text("".join(json.dumps(line) + "\n" for line in lines))
    # The results' own file holds them too; without it they come from the records alone.
    result_file(benched_runs).unlink()
    heard = Heard()
    (row,) = bench([path], laptop(), SHORT, progress=heard)["results"]
    assert (row["accuracy"], row["n"]) == (before["accuracy"], before["n"])
    assert any("passed over" in note for note in heard.notes)


@pytest.mark.parametrize("damage", ["{", "[]", '{"schema": 1}', '{"schema": 9}', "\0", '{"schema": NaN}'])
def test_damaged_results_are_not_replaced_unasked(damage: str, benched_runs: Path) -> None:
    path = find_artifacts([], benched_runs)[0]
    result_file(benched_runs).write_text(damage)
    with pytest.raises(MeasurementError, match=r"laptop.json: cannot be added to .*--overwrite") as error:
        bench([path], laptop(), SHORT)
    assert len(str(error.value).splitlines()) == 1
    assert result_file(benched_runs).read_text() == damage
    bench([path], laptop(), SHORT, overwrite=True)
    assert len(json.loads(result_file(benched_runs).read_text())["results"]) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs file locks")
def test_two_benches_of_one_run_and_device_keep_what_both_measured(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other begins while this one measures; it waits, and adds to what this one wrote."""
    one, other, _ = find_artifacts([], runs_folder)
    code = (
        "import sys; from pathlib import Path\n"
        "from tiny_bench import SHORT, Heard, laptop\n"
        "from edgeall.benching import bench\n"
        "class Told(Heard):\n"
        "    def note(self, text): print(text, flush=True)\n"
        "bench([Path(sys.argv[1])], laptop(), SHORT, progress=Told())"
    )
    begun: list[subprocess.Popen[str]] = []

    def begin(message: Message) -> list[Message]:
        if not begun:
            search = os.pathsep.join(sys.path)
            begun.append(
                subprocess.Popen(
                    [sys.executable, "-c", code, other],
                    stdout=subprocess.PIPE,
                    text=True,
                    env=os.environ | {"PYTHONPATH": search},
                )
            )
            assert begun[0].stdout is not None
            assert "another bench of" in begun[0].stdout.readline()
        return [message]

    monkeypatch.setattr(BENCH, "open_target", lambda *_: Faulty(begin))
    bench([one], laptop(), SHORT, progress=SILENT)
    begun[0].communicate()
    assert begun[0].returncode == 0
    rows = json.loads(result_file(runs_folder).read_text())["results"]
    assert sorted(Path(row["artifact"]).name for row in rows) == sorted([one.name, other.name])


def test_what_a_killed_process_left_is_not_benched(benched_runs: Path) -> None:
    exports = benched_runs / "tiny" / "exports"
    artifact = next(exports.glob("*.onnx"))
    (exports / f".{artifact.stem}.abcdefgh.onnx").write_bytes(artifact.read_bytes()[:100])
    (benched_runs / "tiny").rename(benched_runs / ".tiny.abcdefgh.new")
    with pytest.raises(Exception, match="no runs there"):
        find_artifacts([], benched_runs)
    (benched_runs / ".tiny.abcdefgh.new").rename(benched_runs / "tiny")
    assert len(find_artifacts([], benched_runs)) == 3
