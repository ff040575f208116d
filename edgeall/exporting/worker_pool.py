"""Runs the heavy steps of exports in worker processes, a few at a time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from edgeall.errors import ExportError, WorkerLost
from edgeall.measuring.processor import usable_cores
from edgeall.measuring.signals import ending, last_line
from edgeall.runs import Run

_LAST_LINES = 15
_STOPPED = "stopped before its end; the same command goes on"
_MEMORY_A_JOB = 5 << 30
"""Bytes. Peaks measured on six backbones: 4.9 GB to make a shared INT8 model, 4.4 to convert, 0.8 to evaluate."""
_MEMORY_HEAVY = ("reference", "saved_model", "onnx")
"""Steps that need more: 11.4 GB for ResNet101V2's SavedModel and ONNX file in one process. One runs at a
time."""
LARGE = 40 << 20
"""Bytes of a Keras model file above which one worker runs at a time: two of InceptionV3 need 7.7 GB."""
_UNKNOWN_MEMORY = 64 << 30


class WorkerPool:
    """At most `jobs` workers at once, each with its share of the cores. Leaving the context kills running ones."""

    def __init__(self, jobs: int | None = None) -> None:
        cores = usable_cores()
        self.jobs = jobs or max(1, min(cores, _memory() // _MEMORY_A_JOB))
        self.threads = max(1, cores // self.jobs)
        self.cores = cores
        self._free = threading.BoundedSemaphore(self.jobs)
        self._memory_lock = threading.Lock()
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()

    def run_step(
        self, step: str, run: Run, folder: Path, *, alone: bool = False, **arguments: Any
    ) -> tuple[dict[str, Any], float]:
        """Run `step` of `conversion_worker` as soon as a worker is free; its result, and its seconds.

        `alone`: with all cores, for a step that the others wait for.

        Raises:
            ExportError: the step failed; the last lines of its output are in `__notes__`.
            WorkerLost: its process was killed or stopped, so that the outcome of the step is not known.
        """
        with (
            self._memory_lock if step in _MEMORY_HEAVY else contextlib.nullcontext(),
            self._free,
            tempfile.TemporaryDirectory(prefix=f"{step}-", dir=folder) as scratch,
        ):
            result = Path(scratch) / "result.json"
            job = {
                "step": step,
                "run": str(run.path.resolve()),
                "folder": str(folder.resolve()),
                "result": str(result.resolve()),
                "arguments": arguments,
            }
            started = time.monotonic()
            status, printed = self._run_process(job, scratch, self.cores if alone else self.threads)
            seconds = time.monotonic() - started
            if not result.is_file():
                raise self._lost_error(step, status, printed)
            document = json.loads(result.read_text(encoding="utf-8"))
            if "crashed" in document:
                raise self._step_error(step, printed)
            if "error" in document:
                raise ExportError(document["error"])
            return document, seconds

    def _run_process(self, job: dict[str, Any], scratch: str, threads: int) -> tuple[int, str]:
        """The worker's exit status, and what it printed."""
        log = Path(scratch) / "log.txt"
        with log.open("wb") as output:
            with self._lock:
                if self._closed:
                    raise WorkerLost(_STOPPED)
                process = subprocess.Popen(
                    [sys.executable, "-m", "edgeall.exporting.conversion_worker"],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment(scratch, str(threads)),
                )
                self._running.add(process)
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(job).encode() + b"\n")
                process.stdin.flush()
                # Standard input stays open: the worker ends when it closes.
                process.wait()
            except BrokenPipeError:
                process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)
                process.kill()
                status = process.wait()
        return status, log.read_text(encoding="utf-8", errors="replace")

    def _environment(self, scratch: str, threads: str) -> dict[str, str]:
        return os.environ | {
            "KERAS_BACKEND": "tensorflow",
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": threads,
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TMPDIR": str(Path(scratch).resolve()),
        }

    def _lost_error(self, step: str, status: int, printed: str) -> WorkerLost:
        if self._closed or status == -signal.SIGINT:
            return WorkerLost(_STOPPED)
        memory = ", --jobs 1 needs less" if status == -signal.SIGKILL else ""
        return WorkerLost(
            f"step '{step}': its process {ending(status, printed)}{memory}; the same command goes on"
        )

    def _step_error(self, step: str, printed: str) -> ExportError:
        error = ExportError(f"step '{step}' failed: {last_line(printed)}")
        for line in [line for line in printed.splitlines() if line.strip()][-_LAST_LINES:]:
            error.add_note(line)
        return error


def _memory() -> int:
    """Bytes available on the machine and, in a container, within its limit; a large number where it is not known."""
    return min(_available(Path("/proc/meminfo")), _left(Path("/sys/fs/cgroup")))


def _available(meminfo: Path) -> int:
    """Bytes that Linux can provide without swapping, including the page cache."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = meminfo.read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) << 10
    return _UNKNOWN_MEMORY


def _left(group: Path) -> int:
    """Bytes left in the limit of a control group (version 2)."""
    with contextlib.suppress(OSError, ValueError):
        most, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        return max(most - used, 0)
    return _UNKNOWN_MEMORY
