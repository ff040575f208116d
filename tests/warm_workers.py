"""Export workers that start at once: forks of a process that has imported TensorFlow and the rest.

What a worker does is done by its own `main`, in a process of its own. Only its start differs: an import of TensorFlow
takes longer than most steps on small networks.
"""

import json
import multiprocessing
import os
import signal
import socket
import socketserver
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

from edgeall.errors import WorkerLost
from edgeall.exporting import conversion_worker
from edgeall.exporting.worker_pool import WorkerPool

_IMPORTED = [
    *("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime.quantization", "openvino", "nncf"),
    *("edgeall.runtimes", "edgeall.training", "edgeall.exporting.shared_int8"),
    *(f"edgeall.exporting.{format}" for format in ("tflite", "onnx", "openvino")),
]
AT_HAND = sys.platform == "linux"
"""Whether a process may fork that has imported TensorFlow."""
_context = multiprocessing.get_context("forkserver") if AT_HAND else None


def work(pool: WorkerPool, job: dict[str, Any], scratch: str, threads: int) -> tuple[int, str]:
    """As `WorkerPool._run_process`."""
    assert _context is not None
    environment, log = pool._environment(scratch, str(threads)), Path(scratch) / "log.txt"
    process = _context.Process(target=_step, args=(job, environment, str(log)))
    with pool._lock:
        if pool._closed:
            raise WorkerLost("closed")
        # Its socket would go with the step's own temporary folder.
        with patch.dict(os.environ, {name: value for name, value in environment.items() if name != "TMPDIR"}):
            _context.set_forkserver_preload(_IMPORTED)
            forkserver.ensure_running()
        process.start()
        pool._running.add(process)  # type: ignore[arg-type]
    process.join()
    with pool._lock:
        pool._running.discard(process)  # type: ignore[arg-type]
    return process.exitcode or 0, log.read_text(encoding="utf-8", errors="replace")


class Nursery:
    """Forks of this process as workers, by way of one early fork that has one thread.

    A process that has several threads may not fork safely. All are of this process's group, and end with it.
    """

    def __init__(self) -> None:
        self.address = f"\0edgeall-nursery-{os.getpid()}"
        server = _Forking(self.address, _Asked)
        self._process = os.fork()
        if self._process == 0:
            server.serve_forever()
        server.socket.close()

    def close(self) -> None:
        os.kill(self._process, signal.SIGKILL)

    def work(self, pool: WorkerPool, job: dict[str, Any], scratch: str, threads: int) -> tuple[int, str]:
        """As `WorkerPool._run_process`."""
        environment, log = pool._environment(scratch, str(threads)), Path(scratch) / "log.txt"
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.address)
            line.sendall(json.dumps([job, environment, str(log)]).encode() + b"\n")
            status = int(line.makefile().readline() or -signal.SIGKILL)
        return status, log.read_text(encoding="utf-8", errors="replace")


class _Forking(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Answers each request in a fork."""


class _Asked(socketserver.StreamRequestHandler):
    """Forks a worker, and tells its status."""

    def handle(self) -> None:
        words = json.loads(self.rfile.readline())
        process = os.fork()
        if process == 0:
            _step(*words)
        self.wfile.write(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def _step(job: dict[str, Any], environment: dict[str, str], log: str) -> None:
    """In the fork: standard streams and environment as a worker's, then the worker."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    output = os.open(log, os.O_WRONLY | os.O_CREAT, 0o666)
    # The pipe stays open: a worker takes its end for its parent's death.
    given, giving = os.pipe()
    os.write(giving, json.dumps(job).encode() + b"\n")
    for stream, descriptor in ((0, given), (1, output), (2, output)):
        os.dup2(descriptor, stream)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    os._exit(conversion_worker.main())
