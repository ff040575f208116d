"""A plan is carried out by real worker processes on real artifacts; what dies does not take the rest with it."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import draw, make_artifact, make_run

from edgeall.artifact import Artifact
from edgeall.files import sha256_file
from edgeall.measuring import measurements
from edgeall.measuring.plan import VARIED_INPUTS, BenchSettings, Plan, PlannedArtifact, PlannedImage
from edgeall.measuring.records import AlreadyRecorded, EndOfMeasuring, Record, Start, from_line
from edgeall.measuring.runner import run_plan

SHORT = BenchSettings(
    rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)
ONCE = dataclasses.replace(SHORT, rounds=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run_plan")


@pytest.fixture(scope="module")
def artifacts(folder: Path) -> list[Artifact]:
    draw(folder / "data", {"healthy": 10, "all": 10})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    return [make_artifact(run, "onnx", "float32"), make_artifact(run, "openvino", "float32")]


@pytest.fixture(scope="module")
def plan(folder: Path, artifacts: list[Artifact]) -> Plan:
    images = tuple(
        PlannedImage(path.name, str(path), sha256_file(path)) for path in sorted(folder.glob("data/*/*.png"))
    )
    return Plan(tuple(PlannedArtifact.of(a, "test") for a in artifacts), {"test": images}, SHORT)


@pytest.fixture(scope="module")
def messages(plan: Plan) -> list[object]:
    return list(run_plan(plan))


@pytest.fixture(scope="module")
def records(messages: list[object]) -> list[Record]:
    return [message for message in messages if isinstance(message, Record)]


def broken(plan: Plan, tmp_path: Path) -> Plan:
    """The plan with its first artifact's file damaged since."""
    first = plan.artifacts[0]
    path = tmp_path / "broken.onnx"
    path.write_bytes(Path(first.path).read_bytes()[:-40])
    return dataclasses.replace(
        plan, artifacts=(dataclasses.replace(first, path=str(path)), *plan.artifacts[1:]), settings=ONCE
    )


def test_a_device_speaks_first_and_last_of_itself(messages: list[object], plan: Plan) -> None:
    start, *between, end = messages
    assert isinstance(start, Start)
    assert isinstance(end, EndOfMeasuring)
    assert all(isinstance(message, Record) for message in between)
    assert [key for key, _ in start.jobs] == [record.key for record in between]
    assert {figure.artifact for _, figure in start.jobs} == {artifact.sha256 for artifact in plan.artifacts}
    assert start.environment["cores"] >= 1


def test_every_image_gets_its_probabilities(records: list[Record], plan: Plan) -> None:
    for record in (record for record in records if record.kind == "accuracy"):
        assert record.result is not None
        assert record.result["names"] == [image.name for image in plan.image_sets["test"]]
        assert all(abs(sum(row) - 1) < 1e-6 and len(row) == 2 for row in record.result["probabilities"])
        assert record.result["executed_precision"]["dominant"] == "float32"
        assert record.result["unreadable"] == {}


def test_two_engines_agree_on_the_same_network(records: list[Record]) -> None:
    one, other = (record.result["probabilities"] for record in records if record.kind == "accuracy")
    assert all(abs(p[1] - q[1]) < 1e-4 for p, q in zip(one, other, strict=True))


def test_each_round_measures_both_latencies_often_enough_and_the_cold_start(records: list[Record]) -> None:
    rounds = [record.result for record in records if record.kind == "latency"]
    assert len(rounds) == 4
    for result in rounds:
        for kind in ("model_ns", "end_to_end_ns"):
            assert len(result[kind]) >= 6
            assert all(isinstance(timing, int) and timing > 0 for timing in result[kind])
            assert sum(result[kind]) >= 0.5 * 0.01e9
        assert result["inputs"] == VARIED_INPUTS
        # The whole includes its parts.
        assert result["cold_start_ns"] > result["load_ns"] + result["first_inference_ns"] > 0


def test_memory_is_that_of_a_process_of_its_own(records: list[Record]) -> None:
    peaks = [record.result["peak_rss_bytes"] for record in records if record.kind == "memory"]
    # An interpreter with numpy and an engine, and nothing of this test process.
    assert all(20e6 < peak < 1e9 for peak in peaks)


def test_peak_memory_counts_what_was_freed_again() -> None:
    if measurements.peak_rss() is None:
        pytest.skip("this system does not tell a process's peak memory")
    # In a process of its own: this one's peak may be far above what it holds now.
    code = (
        "import os\n"
        "from edgeall.measuring.measurements import peak_rss\n"
        "before = peak_rss()\n"
        "block = bytearray(os.urandom(1 << 20)) * 64\n"
        "del block\n"
        "print(peak_rss() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 60 << 20


def test_finished_jobs_are_not_done_again(plan: Plan, records: list[Record]) -> None:
    finished = [record.key for record in records if record.kind != "memory"]
    again = list(run_plan(plan, finished))
    assert [message.key for message in again if isinstance(message, AlreadyRecorded)] == finished
    assert {message.kind for message in again if isinstance(message, Record)} == {"memory"}


def test_an_iterator_closed_after_its_first_word_has_measured_nothing(plan: Plan) -> None:
    going = run_plan(plan)
    assert isinstance(next(going), Start)
    going.close()
    assert list(going) == []


def test_a_damaged_artifact_costs_itself_alone(plan: Plan, tmp_path: Path) -> None:
    spoilt = broken(plan, tmp_path)
    records = [message for message in run_plan(spoilt) if isinstance(message, Record)]
    bad, good = spoilt.artifacts
    failed = [record for record in records if record.artifact == bad.sha256]
    assert failed[0].kind == "accuracy"
    assert str(failed[0].error).count("broken.onnx") == 1
    assert all(str(record.error).startswith("not tried") for record in failed[1:])
    assert all(record.error is None for record in records if record.artifact == good.sha256)


def test_an_artifact_replaced_during_the_bench_is_noticed(plan: Plan, tmp_path: Path) -> None:
    first, second = plan.artifacts
    swapped = dataclasses.replace(plan, artifacts=(dataclasses.replace(first, path=second.path),))
    records = [message for message in run_plan(swapped) if isinstance(message, Record)]
    assert "changed since the bench began" in str(records[0].error)


def test_a_worker_that_is_killed_is_named_with_its_signal(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A system that kills a process for its memory, at the moment when the engine is loaded.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Killer:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'openvino':\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.meta_path.insert(0, Killer())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    once = dataclasses.replace(plan, settings=ONCE)
    records = [message for message in run_plan(once) if isinstance(message, Record)]
    onnx, openvino = plan.artifacts
    first = next(record for record in records if record.artifact == openvino.sha256)
    assert "SIGKILL" in str(first.error)
    assert Path(openvino.path).name in str(first.error)
    assert all(record.error is None for record in records if record.artifact == onnx.sha256)


def test_a_worker_that_hangs_is_stopped(plan: Plan) -> None:
    hurried = dataclasses.replace(
        plan, artifacts=plan.artifacts[:1], settings=dataclasses.replace(SHORT, pass_seconds=0.01)
    )
    records = [message for message in run_plan(hurried) if isinstance(message, Record)]
    assert "stopped after 0.01 s" in str(records[0].error)


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_used(plan: Plan, tmp_path: Path) -> None:
    rotten = tmp_path / "rotten.png"
    rotten.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    images = (PlannedImage("rotten.png", str(rotten), "0" * 64), *plan.image_sets["test"][:2])
    small = dataclasses.replace(
        plan, artifacts=plan.artifacts[:1], image_sets={"test": images}, settings=ONCE
    )
    records = [message for message in run_plan(small) if isinstance(message, Record)]
    assert [record.error for record in records] == [None] * 3
    accuracy = records[0].result
    assert accuracy is not None
    assert list(accuracy["unreadable"]) == ["rotten.png"]
    assert accuracy["probabilities"][0] is None
    assert len(accuracy["probabilities"]) == 3
    assert records[-1].result is not None
    assert records[-1].result["inputs"] == 2


def test_no_readable_image_at_all_is_said(plan: Plan, tmp_path: Path) -> None:
    gone = (PlannedImage("gone.png", str(tmp_path / "gone.png"), "0" * 64),)
    small = dataclasses.replace(plan, artifacts=plan.artifacts[:1], image_sets={"test": gone})
    records = [message for message in run_plan(small) if isinstance(message, Record)]
    assert any("none of its 1 test images can be read" in str(record.error) for record in records)


def test_a_users_files_named_like_modules_do_no_harm(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("statistics.py", "random.py", "json.py"):
        (tmp_path / name).write_text("raise RuntimeError('the wrong module')")
    monkeypatch.chdir(tmp_path)
    small = dataclasses.replace(plan, artifacts=plan.artifacts[:1], settings=ONCE)
    assert all(m.error is None for m in run_plan(small) if isinstance(m, Record))


def test_the_device_side_is_one_command(plan: Plan, records: list[Record]) -> None:
    finished = [record.key for record in records if record.kind != "accuracy"]
    request = json.dumps({"plan": plan.to_dict(), "finished": finished})
    done = subprocess.run(
        [sys.executable, "-m", "edgeall.measuring.runner"], input=request, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    start, *between, end = [from_line(line) for line in done.stdout.splitlines()]
    assert isinstance(start, Start)
    assert isinstance(end, EndOfMeasuring)
    scored = [message.result for message in between if isinstance(message, Record)]
    assert scored == [record.result for record in records if record.kind == "accuracy"]


@pytest.mark.parametrize(
    "request_text", ["", "{}", '{"plan": {}, "finished": []}', '{"plan": 3, "finished": 4}']
)
def test_a_wrong_request_gets_one_line(request_text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgeall.measuring.runner"],
        input=request_text,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("edgeall: ")
    assert len(done.stderr.splitlines()) == 1


def test_measuring_needs_no_more_than_the_field_tier() -> None:
    heavy = ("tensorflow", "keras", "sklearn", "scipy", "onnx", "edgeall.statistics", "edgeall.datasets")
    code = (
        "import sys, edgeall.measuring.runner, edgeall.measuring.measurements, edgeall.targets\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
