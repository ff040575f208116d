"""Where what is not finished lies, beside the artifacts of a run; and that one export at a time works there."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeall.errors import UsageError
from edgeall.runs import Run


@contextmanager
def work_folder(run: Run) -> Iterator[Path]:
    """A place beside the artifacts for what is not finished, ours alone until the block ends."""
    run.exports.mkdir(exist_ok=True)
    handle = os.open(run.exports, os.O_RDONLY)
    try:
        try:
            # Held by the process, so it ends with it however that ends.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{run.path}: another edgeall export works on this run; wait for it") from None
        folder = run.exports / ".work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
