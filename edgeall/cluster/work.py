"""The task of a job: rows of some inputs, by the classifier that its worker has loaded once."""

import hashlib
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeall.artifact import Artifact, files_of, read
from edgeall.cluster.allocator import keep_freed_memory
from edgeall.cluster.inputs import MAX_BYTES, Input, check_protocol
from edgeall.cluster.rows import Row, failed, row_of, table_of
from edgeall.cluster.scheduler import surroundings
from edgeall.cluster.tasks import Shared
from edgeall.errors import ClusterError
from edgeall.field import Classified, Classifier, Failed, Found
from edgeall.field.reading_ahead import in_order
from edgeall.files import sha256_file
from edgeall.pixels.opening import special_file
from edgeall.values import dataclass

FETCHES = 8
"""URLs that a task reads at once: each waits for its server most of the time."""

_ATTEMPTS = 3
_MOST_CHARACTERS = 500
"""Of an error, which may hold a server's answer."""
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Model:
    """An artifact on its way to workers, and how it is used.

    Attributes:
        files: content by name, the artifact's own first.
        threads: of the engine.
        force: give a verdict on pictures that would be refused.
    """

    sha256: str
    files: dict[str, bytes]
    threads: int
    force: bool

    @property
    def key(self) -> tuple[str, int, bool]:
        return self.sha256, self.threads, self.force


@dataclass(frozen=True)
class Done:
    """Rows of a task, in order.

    Attributes:
        table: an Arrow table, see `table_of`. It is made by the worker, so that the command only joins and writes.
        seconds: how long it took without loading.
    """

    table: Any
    seconds: float


def model_of(artifact: Artifact, threads: int, force: bool) -> Model:
    """The content of an artifact."""
    files = {path.name: path.read_bytes() for path in files_of(artifact.path)}
    return Model(artifact.sha256, files, threads, force)


def classify_inputs(model: Shared[Model], inputs: tuple[Input, ...]) -> Done:
    """Rows of inputs, in order; called on a worker.

    Raises:
        ClusterError: the artifact did not arrive whole.
        UsageError: a protocol of URLs is not read here.
        MissingExtraError, EngineError, SelftestError: as of `edgeall.field.classify`.
    """
    classifier = loaded(model.get())
    start = time.perf_counter()
    table = table_of([_row(classifier, *each) for each in _read(inputs)])
    return Done(table, time.perf_counter() - start)


MOST_LOADED = 2
"""Classifiers that a process keeps: a worker serves many commands, and one without memory left takes no tasks."""

_classifiers: dict[tuple[str, int, bool], Classifier] = {}
"""The last used ones, in this order."""
_loading = threading.Lock()


def loaded(model: Model) -> Classifier:
    """The classifier of this process for a model; loaded where it is not one of the last used.

    Raises:
        as `classify_inputs`.
    """
    with _loading:
        found = _classifiers.pop(model.key, None) or _load(model)
        _classifiers[model.key] = found
        # Other threads may be using it, so that it is left to them, and closed with its last reference.
        while len(_classifiers) > MOST_LOADED:
            del _classifiers[next(iter(_classifiers))]
        return found


def _load(model: Model) -> Classifier:
    """A classifier of the artifact in files of this machine, which go with it."""
    keep_freed_memory()
    folder = Path(tempfile.mkdtemp(prefix="edgeall-", dir=surroundings().scratch))
    try:
        for name, content in model.files.items():
            (folder / name).write_bytes(content)
        artifact = read(folder / next(iter(model.files)))
        if artifact.sha256 != model.sha256:
            raise ClusterError("the artifact was altered on its way to a worker")
        classifier = Classifier(artifact, model.threads, force=model.force)
        classifier.begin()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(classifier, shutil.rmtree, folder, ignore_errors=True)
    return classifier


@dataclass(frozen=True)
class _Content:
    """What was read of an input.

    Attributes:
        content: None where a file is not read at once: too large, or something that cannot be read.
    """

    given: Input
    content: bytes | None = None
    size: int | None = None
    sha256: str | None = None
    error: str | None = None


def _read(inputs: tuple[Input, ...]) -> Iterator[tuple[Input, "_Content"]]:
    """Inputs with their content. URLs are read ahead."""
    if not any(each.is_url for each in inputs):
        yield from ((each, _content(each)) for each in inputs)
        return
    with in_order(_content, inputs, FETCHES, 2 * FETCHES) as ahead:
        yield from ((content.given, content) for content in ahead)


def _row(classifier: Classifier, given: Input, read: _Content) -> Row:
    model, now = classifier.artifact.sha256, datetime.now(UTC)
    if given.error is not None or read.error is not None:
        return failed(given, given.error or read.error or "", model, now, read.size, read.sha256)
    result = classifier.answer(Found(given.path, given.path, read.content))
    assert isinstance(result, Classified | Failed)  # not of whole fields
    return row_of(result, read.size, read.sha256, model, now)


def _content(given: Input) -> _Content:
    if given.error is not None:
        return _Content(given)
    if given.is_url:
        return _fetched(given)
    path = Path(given.path)
    try:
        # What cannot be read is left to the classifier, which says why.
        if special_file(path):
            return _Content(given)
        size = path.stat().st_size
        if size > MAX_BYTES:
            return _Content(given, None, size, sha256_file(path))
        content = path.read_bytes()
    except (OSError, ValueError):
        return _Content(given)
    return _Content(given, content, len(content), hashlib.sha256(content).hexdigest())


def _fetched(given: Input) -> _Content:
    import fsspec

    check_protocol(given.path)
    for attempt in range(_ATTEMPTS):
        try:
            system, path = fsspec.core.url_to_fs(given.path)
            content = _beginning(system, path)
            break
        except (FileNotFoundError, PermissionError) as error:
            return _Content(given, error=_unreadable(given, error))
        except Exception as error:  # of any file system and network
            if attempt + 1 == _ATTEMPTS:
                return _Content(given, error=_unreadable(given, error))
            time.sleep(_PAUSE_SECONDS * 4**attempt)
    if len(content) > MAX_BYTES:
        return _Content(given, error=f"{given.path}: more than {MAX_BYTES >> 20} MiB")
    return _Content(given, content, len(content), hashlib.sha256(content).hexdigest())


def _beginning(system: Any, path: str) -> bytes:
    """At most `MAX_BYTES` and one more byte of a file."""
    if "http" not in system.protocol:
        content: bytes = system.cat_file(path, start=0, end=MAX_BYTES + 1)
        return content
    # A server need not keep to a range, and can send without end. With a size, it is asked once.
    pieces, left = list[bytes](), MAX_BYTES + 1
    with system.open(path, block_size=0, size=left) as stream:
        while left and (piece := stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)


def _unreadable(given: Input, error: Exception) -> str:
    why = "no such file" if isinstance(error, FileNotFoundError) else str(error) or type(error).__name__
    return f"{given.path}: cannot be read ({' '.join(why.split())[:_MOST_CHARACTERS]})"
