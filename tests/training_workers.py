"""Workers of a Dask scheduler that know the backbone "small", and one of which can be made to die in a training."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dask_processes import DaskProcesses
from distributed import Client, WorkerPlugin

from edgeall.training.workers import Conditions


class Prepared(WorkerPlugin):
    """Prepares a worker: the backbone, checkpoints after each epoch, and the trace of all epochs in `folder`.

    While `folder` has the file "deadly", the next worker to train a second epoch takes it away and dies.
    """

    def __init__(self, conditions: Conditions, folder: Path) -> None:
        self.name = "prepared"
        self.conditions, self.folder = conditions, folder

    def setup(self, worker: Any) -> None:
        with self.conditions.imposed():
            from small_backbone import small_backbone

            from edgeall.training import checkpoint, fit

        checkpoint.INTERVAL = 0.0
        train, folder = fit._train_epoch, self.folder
        self.known = ExitStack()
        self.known.enter_context(small_backbone())

        def traced(model: Any, phase: Any, epoch: int, *rest: Any) -> tuple[float, float]:
            with (folder / "trace").open("a") as trace:
                trace.write(f"{os.getpid()} {epoch}\n")
            if epoch == 1:
                try:
                    (folder / "deadly").unlink()
                except FileNotFoundError:
                    pass
                else:
                    os.kill(os.getpid(), signal.SIGKILL)
            return train(model, phase, epoch, *rest)

        fit._train_epoch = traced


class TrainingWorkers:
    """`count` such workers."""

    def __init__(self, dask: DaskProcesses, folder: Path) -> None:
        self._dask, self._folder = dask, folder
        self.address = dask.address

    def add(self) -> None:
        with Client(self.address, set_as_default=False) as client:
            before = len(client.scheduler_info()["workers"])
            self._dask.add_workers()
            client.wait_for_workers(before + 1, timeout=120)

    def kill_one(self) -> None:
        (self._folder / "deadly").touch()

    def deaths_to_come(self) -> bool:
        return (self._folder / "deadly").exists()

    def epochs(self) -> list[tuple[int, int]]:
        """Process and number of each epoch that was begun since this was last called."""
        trace = self._folder / "trace"
        lines = trace.read_text().splitlines() if trace.exists() else []
        trace.unlink(missing_ok=True)
        return [(int(process), int(epoch)) for process, epoch in map(str.split, lines)]


def _forgive(dask_scheduler: Any) -> None:
    dask_scheduler.allowed_failures = 3


@contextmanager
def training_workers(folder: Path) -> Iterator[TrainingWorkers]:
    """A scheduler with one such worker."""
    with DaskProcesses(folder) as dask:
        with Client(dask.address, set_as_default=False) as client:
            client.run_on_scheduler(_forgive)
            client.register_plugin(Prepared(Conditions.here(), folder))
        workers = TrainingWorkers(dask, folder)
        workers.add()
        yield workers
