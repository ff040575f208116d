"""Makes each intermediate of a run (`source_models.INTERMEDIATES`) once, when a format first needs it.

A format fails only if one of its own intermediates does.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from edgeall.errors import ExportError
from edgeall.exporting.worker_pool import WorkerPool
from edgeall.runs import Run


class Intermediates:
    """Intermediates of one run, in its work folder. Thread-safe: the first caller makes one, the others wait."""

    def __init__(self, workers: WorkerPool, run: Run, folder: Path) -> None:
        self._workers, self._run, self._folder = workers, run, folder
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._made: dict[str, ExportError | None] = {}

    def ensure(self, names: Iterable[str]) -> None:
        """Make each of `names` that was not made yet.

        Raises:
            ExportError: one of them could not be made; later calls raise the same error.
            WorkerLost: its process was lost.
        """
        for name in names:
            with self._lock:
                own = self._locks[name]
            with own:
                if name not in self._made:
                    self._made[name] = self._make(name)
                error = self._made[name]
            if error is not None:
                raise error

    def _make(self, name: str) -> ExportError | None:
        try:
            self._workers.run_step(name, self._run, self._folder)
        except ExportError as error:
            return error
        return None
