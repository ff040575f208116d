"""Trainings on the workers of a cluster, with the result that they have on the client. Imports no engine.

The bits of a training depend on the versions of the libraries, on variables that choose TensorFlow's kernels, on its
number of threads and on the kind of processor. Versions, variables and threads are made those of the client, or the
worker refuses. The processor is told, because nothing can change it.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from edgeall import files
from edgeall.errors import ClusterError, DatasetError, UsageError
from edgeall.progress import Advance
from edgeall.runs import Member
from edgeall.training.settings import IMAGENET, RANDOM, TrainingSettings

T = TypeVar("T")

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Variables that TensorFlow reads when it first computes. How many threads share a sum decides in what order it is
added up."""
_FIXED = ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS")

_ONE_TRAINING = threading.Lock()
"""Keras' random generator and its models belong to the process, so that one training at a time has them."""


@dataclass(frozen=True)
class Conditions:
    """What must be the same on two machines for the same bits.

    Attributes:
        environment: variables; None for one that must not be set.
        versions: of libraries, as `edgeall.training.finetune.versions` has them.
    """

    environment: Mapping[str, str | None]
    versions: Mapping[str, str]

    @classmethod
    def here(cls) -> "Conditions":
        """Those of this process."""
        from edgeall.training.finetune import versions

        threads = {name: os.environ.get(name) or str(_processors()) for name in THREADS}
        return cls(threads | {name: os.environ.get(name) for name in _FIXED}, versions())

    @contextmanager
    def imposed(self) -> Iterator[None]:
        """Have the block alone in this process, under these conditions.

        Raises:
            ClusterError: this process cannot have them.
        """
        with _ONE_TRAINING:
            late = "keras" in sys.modules
            for name, value in self.environment.items():
                if os.environ.get(name) == value:
                    continue
                if late:
                    raise ClusterError(
                        f"{this_worker()} has trained with {name}={os.environ.get(name, '')}, and this command has "
                        f"{value or ''}, which changes the bits of results: start the worker again"
                    )
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            from edgeall.training.finetune import versions

            theirs = versions()
            for name in sorted(self.versions.keys() | theirs.keys()):
                ours = self.versions.get(name)
                if theirs.get(name) != ours:
                    raise ClusterError(
                        f"{this_worker()} has {name} {theirs.get(name)}, and this command {ours}: install the same "
                        "versions on all machines"
                    )
            yield


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a worker returned, and what it runs on."""

    value: T
    worker: str
    processor: str


def answered(value: T) -> Answer[T]:
    """`value` as the answer of this worker."""
    return Answer(value, this_worker(), processor())


def processor_note(answer: Answer[T], known: set[str]) -> str | None:
    """A caveat where a worker's processor is none of `known`, to which it is then added."""
    if answer.processor in known:
        return None
    known.add(answer.processor)
    return (
        f"{answer.worker} has another kind of processor ({answer.processor}): the last bits of its results can be "
        "others"
    )


def check_images(root: Path, members: Sequence[Member]) -> None:
    """Check that this worker sees the client's images; each set once in a process.

    Raises:
        DatasetError: one is missing here, or has another content.
    """
    _check_images(root, tuple(members))


@functools.lru_cache(maxsize=16)
def _check_images(root: Path, members: tuple[Member, ...]) -> None:
    for member in members:
        path = root / member.name
        try:
            same = files.sha256_file(path) == member.sha256
        except OSError as error:
            raise DatasetError(
                f"{this_worker()}: {path} cannot be read there ({error.strerror}); workers need the images under the "
                "same path, as on a shared file system"
            ) from None
        if not same:
            raise DatasetError(
                f"{this_worker()}: {path} is another image there; workers need the images of the split"
            )


def portable_weights(settings: TrainingSettings) -> str | None:
    """SHA-256 of a file of initial weights; None without one.

    Raises:
        UsageError: its path depends on the working folder, which is another one on workers.
    """
    if settings.weights in (IMAGENET, RANDOM):
        return None
    path = Path(settings.weights)
    if not path.is_absolute():
        raise UsageError(f"weights '{path}': with a scheduler give the whole path, {path.absolute()}")
    return files.sha256_file(path)


def check_weights(settings: TrainingSettings, sha256: str | None) -> None:
    """Check that this worker sees the client's weights.

    Raises:
        UsageError: not under their path.
    """
    if sha256 is None:
        return
    path = Path(settings.weights)
    if not path.is_file() or files.sha256_file(path) != sha256:
        raise UsageError(
            f"{this_worker()}: {path} is missing there, or is another file; workers need the same weights"
        )


def this_worker() -> str:
    """This worker's name for messages."""
    return f"worker {_worker().address}"


class UntilUnwanted:
    """Progress of a task on a worker: ends the task when the client has cancelled it, as by Ctrl-C."""

    def __init__(self) -> None:
        worker = _worker()
        key = worker.get_current_task()

        def unwanted() -> bool:
            task = worker.state.tasks.get(key)
            return task is None or task.state == "cancelled"

        self._unwanted: Callable[[], bool] = unwanted

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        yield lambda steps: self.check()

    def note(self, text: str) -> None:
        return None

    def check(self) -> None:
        """
        Raises:
            ClusterError: nobody waits for this task any more.
        """
        if self._unwanted():
            raise ClusterError("the command that wanted this training has ended")


def processor() -> str:
    """The kind of processor of this machine."""
    from edgeall.measuring.environment import cpu_model

    return str(cpu_model())


def _processors() -> int:
    """As many as TensorFlow takes for its number of threads."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _worker() -> Any:
    from distributed import get_worker

    return get_worker()
