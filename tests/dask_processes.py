"""A Dask scheduler and its workers as processes of this machine, on the loopback address."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil


class DaskProcesses:
    """A scheduler, and workers of one thread whose supervisors start them again."""

    def __init__(self, folder: Path, *options: str | Path) -> None:
        """`options`: of the scheduler and its workers."""
        self._folder, self._options, self._stack = folder, options, ExitStack()
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", file
        )
        end = time.monotonic() + 60
        while True:
            with suppress(OSError, ValueError):
                self.address: str = json.loads(file.read_text())["address"]
                break
            assert time.monotonic() < end, "the scheduler does not start"
            time.sleep(0.05)

    def add_workers(self, count: int = 1, memory: str = "0") -> subprocess.Popen[bytes]:
        """Their supervisors' process."""
        options = ("--nthreads", "1", "--nworkers", str(count), "--memory-limit", memory, "--no-dashboard")
        place = self._folder / "workers"
        return self._start("distributed.cli.dask_worker", self.address, *options, "--local-directory", place)

    def _start(self, module: str, *options: str | Path) -> subprocess.Popen[bytes]:
        project = Path(__file__).resolve().parent.parent
        environment = os.environ | {
            # Functions of tests are called by workers too.
            "PYTHONPATH": os.pathsep.join(
                map(str, (project, project / "tests", project / "tests" / "cluster"))
            ),
            # One death is enough to take a task for deadly: fewer workers to start.
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
        }
        scheme = "tls://" if self._options else ""
        at = ("--host", f"{scheme}127.0.0.1")
        process = subprocess.Popen(
            [sys.executable, "-m", module, *options, *self._options, *at],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(_end, process)
        return process

    def __enter__(self) -> "DaskProcesses":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
    process.kill()
    process.wait()
