"""The folder for unfinished files of an export, in the exports of a run; it admits one export at a time."""

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
    """An empty folder beside the artifacts, locked for this process and deleted when the block ends.

    Raises:
        UsageError: another export works on the run.
    """
    run.exports.mkdir(exist_ok=True)
    handle = os.open(run.exports, os.O_RDONLY)
    try:
        try:
            # The system releases the lock however the process ends.
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
