"""What becomes of an export whose worker processes are killed, interrupted, or run out of room."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeall import runs
from edgeall.errors import ExportError, WorkerLost
from edgeall.exporting import Recipe, export_runs, load_recipe
from edgeall.exporting.manifest import read
from edgeall.exporting.recipes import Tolerance
from edgeall.exporting.worker_pool import WorkerPool


def comparing() -> Recipe:
    """INT8 that compares its own calibration with the model that formats share."""
    recipe = load_recipe("onnx-int8")
    assert recipe.calibration is not None
    return dataclasses.replace(
        recipe,
        calibration=dataclasses.replace(recipe.calibration, images=8),
        parity=Tolerance(images=8, agreement=0.0),
    )


class Tap:
    """A worker's standard input, that kills the worker as soon as it is asked for a step."""

    def __init__(self, process: subprocess.Popen[bytes], step: str) -> None:
        self._process, self._pipe, self._step = process, process.stdin, step

    def write(self, job: bytes) -> int:
        if f'"step": "{self._step}"'.encode() in job:
            self._process.kill()
        assert self._pipe is not None
        return self._pipe.write(job)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)


def kill_at(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mortal(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            if self.stdin is not None:
                self.stdin = Tap(self, step)  # type: ignore[assignment]

    monkeypatch.setattr(subprocess, "Popen", Mortal)


def test_a_killed_fallback_seals_nothing_and_the_next_export_goes_on(
    run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [comparing(), load_recipe("onnx-fp32")]
    with monkeypatch.context() as patched:
        kill_at("quantize", patched)
        outcome = export_runs([run], wanted)
    assert [each.recipe for each in outcome.exported] == ["onnx-fp32"]
    (failure,) = outcome.failures
    assert failure.recipe == "onnx-int8"
    assert "killed" in failure.error
    assert set(read(run)) == {"own_onnx-fp32.onnx"}
    int8, fp32 = export_runs([run], wanted).exported
    assert (int8.cached, fp32.cached) == (False, True)
    assert [each["method"] for each in int8.fallbacks][:2] == ["min-max", "bias-correction"]
    assert all("error" not in each for each in int8.fallbacks)


def test_a_killed_writer_is_no_verdict_on_a_method(run: runs.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_at("write", monkeypatch)
    outcome = export_runs([run], [comparing()])
    assert outcome.exported == ()
    assert "step 'write'" in outcome.failures[0].error
    assert read(run) == {}


INTERRUPTED = """
import os, signal, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_lost_workers import Tap, comparing
from edgeall import runs
from edgeall.exporting import export_runs

signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupting(Tap):
    def write(self, job):
        if b'"step": "quantize"' in job:
            os.killpg(0, signal.SIGINT)
        return self._pipe.write(job)

class Popen(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.stdin = Interrupting(self, "")

subprocess.Popen = Popen
export_runs([runs.load(Path(sys.argv[1]))], [comparing()])
"""


def test_an_interrupted_export_seals_nothing(run: runs.Run) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(run.path), str(Path(__file__).parent)],
        capture_output=True,
        check=False,
        start_new_session=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == -signal.SIGINT, ended.stderr.decode()
    assert read(run) == {}
    assert not list(run.exports.glob("*.onnx"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is full")
def test_a_full_disk_is_no_fault_of_the_converter(run: runs.Run, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(bytes(100))
    recipe = load_recipe("onnx-fp32").to_dict()
    with WorkerPool(1) as workers, pytest.raises(WorkerLost, match="No space left on device"):
        workers.run_step("convert", run, tmp_path, recipe=recipe, calibration=None, out="/dev/full")


def test_a_converter_that_fails_by_itself_is_not_lost(run: runs.Run, tmp_path: Path) -> None:
    recipe = load_recipe("onnx-fp32").to_dict()
    with WorkerPool(1) as workers, pytest.raises(ExportError, match="No such file") as caught:
        workers.run_step("convert", run, tmp_path, recipe=recipe, calibration=None, out=str(tmp_path / "out"))
    assert not isinstance(caught.value, WorkerLost)
    assert "Traceback" in "\n".join(caught.value.__notes__)


def test_a_closed_worker_pool_starts_nothing(run: runs.Run, tmp_path: Path) -> None:
    with WorkerPool(1) as workers:
        pass
    with pytest.raises(WorkerLost, match="same command goes on"):
        workers.run_step("reference", run, tmp_path, freeze_graph=False)
