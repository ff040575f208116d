"""Export workers that start at once: forks of a process that has imported TensorFlow and the rest.

What a worker does is done by its own `main`, in a process of its own. Only its start differs: an import of TensorFlow
takes longer than most steps on small networks.
"""

import json
import multiprocessing
import os
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
