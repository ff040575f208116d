"""One input in a process of its own, for one whose reading seems to end processes.

The process of a worker runs it, and survives it. Its rows are those of `work.classify_inputs`, which it calls.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from edgeall.cluster.inputs import Input
from edgeall.cluster.rows import KILLS, failed, table_of
from edgeall.cluster.scheduler import surroundings
from edgeall.cluster.tasks import Shared
from edgeall.cluster.work import Done, Model, classify_inputs, loaded
from edgeall.errors import ClusterError
from edgeall.values import dataclass

_ASK_SECONDS = 0.1
_BEGIN = b"edgeall-row\n"
"""Before the row, after what libraries may have written."""

_NO_MEMORY = 3
"""Status of the process where Python has no memory left."""

_ATTEMPTS = 2
"""A process can also be ended by somebody who did not mean the picture."""


@dataclass(frozen=True)
class _Order:
    """What the process is told."""

    model: str
    sha256: str
    threads: int
    force: bool
    path: str


@dataclass(frozen=True)
class _Local:
    """The model's files on this machine."""

    model: Model

    def get(self) -> Model:
        return self.model


def classify_alone(model: Shared[Model], given: Input) -> Done:
    """The row of an input; one with an error where its process ends, or takes more memory than the worker may.

    Raises:
        as `work.classify_inputs`.
    """
    classifier = loaded(model.get())
    order = _Order(
        os.fspath(classifier.artifact.path),
        classifier.artifact.sha256,
        classifier.threads,
        classifier.force,
        os.fsencode(given.path).decode("latin-1"),
    )
    for _ in range(_ATTEMPTS):
        answer = _ask(msgspec.json.encode(vars(order)))
        if answer is not None:
            import pyarrow as pa

            return Done(pa.ipc.open_stream(answer).read_all(), 0.0)
    row = failed(given, f"{given.path}: {KILLS}", classifier.artifact.sha256, datetime.now(UTC))
    return Done(table_of([row]), 0.0)


def _ask(order: bytes) -> bytes | None:
    """The process's output; None where it was ended, or had no memory left.

    Raises:
        ClusterError: it ended with another error, which is not the picture's.
    """
    import psutil

    limit, too_large = surroundings().memory, False
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (
        # Files, because a process waits where a pipe is full.
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603, this module
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            env=environment,
        ) as process,
    ):
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(order)
            process.stdin.close()
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ASK_SECONDS)
                break
            with suppress(psutil.Error):
                if limit and psutil.Process(process.pid).memory_info().rss > limit:
                    too_large = True
                    process.kill()
        if process.returncode == 0:
            output.seek(0)
            return output.read().partition(_BEGIN)[2]
        if too_large or process.returncode < 0 or process.returncode == _NO_MEMORY:
            return None
        errors.seek(0)
        last = errors.read().decode(errors="replace").splitlines()[-1:]
    raise ClusterError(f"a process for one picture does not start on a worker: {' '.join(last)}")


def main() -> None:
    """The process."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        # Where the machine's memory ends, Linux ends this process and not its worker.
        file.write("1000")
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_Order)
    from edgeall.artifact import files_of

    path = os.fsdecode(order.path.encode("latin-1"))
    try:
        files = {each.name: each.read_bytes() for each in files_of(order.model)}
        model = Model(order.sha256, files, order.threads, order.force)
        table = classify_inputs(_Local(model), (Input(path),)).table
    except MemoryError:
        sys.exit(_NO_MEMORY)
    import pyarrow as pa

    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    sys.stdout.buffer.write(_BEGIN + buffer.getvalue().to_pybytes())


if __name__ == "__main__":
    main()
