"""Classifies pictures with one engine, and yields each answer as soon as it is available."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, Union

from edgeall.artifact import Artifact
from edgeall.errors import EngineError, ImageError, UsageError
from edgeall.field.answers import Classified, Failed
from edgeall.field.reading_ahead import in_order, usable_processors
from edgeall.field.session_pool import EngineClosed, SessionPool
from edgeall.field.single_pictures import SinglePictures
from edgeall.field.sources import STDIN, Found, find_images
from edgeall.golden.checkable import uncheckable
from edgeall.golden.remembered import check_once
from edgeall.pixels.folder import LeftOut
from edgeall.runtimes import EngineInfo, Session
from edgeall.values import dataclass

if TYPE_CHECKING:
    from edgeall.field.field_answers import FieldAnswer
    from edgeall.golden.checking import Outcome

Item = TypeVar("Item")
Made = TypeVar("Made")

Result = Union[Classified, "FieldAnswer"]

Known = Callable[[Found], Result | None]
"""An answer that is known already, such as that of an interrupted run; None where there is none."""


class Way(Protocol):
    """How a file becomes an answer: `SinglePictures` or `WholeFields`."""

    def read(self, found: Found) -> Any:
        """All that needs no engine; for any thread. Raises `ImageError`."""
        ...

    def answer(self, path: str, read: Any, session: Session) -> Result:
        """The answer by what was read. Raises `EngineError`."""
        ...


@dataclass(frozen=True)
class Answer:
    """One answer, and the picture that it is on.

    Attributes:
        found: None for an input that holds no picture, such as an empty folder.
        known: whether it was known already.
    """

    found: Found | None
    result: Result | Failed
    known: bool = False


def classify(
    artifact: Artifact,
    sources: Sequence[str | os.PathLike[str]],
    threads: int = 1,
    *,
    force: bool = False,
    cells: bool = False,
) -> Iterator[Result | Failed | LeftOut]:
    """Classify images, in order: files, folders (with all below them, by name), patterns, "-" for standard input.

    A picture that fails a quality check, or is unlike the training images that the artifact describes, is refused: a
    `Classified` without a verdict. An input that cannot be read, or is not an image, gives a `Failed` in its place, and
    the others continue. A file in a folder that is not an image gives a `LeftOut`. There is a thread for each processor
    and, unless the artifact is large, an engine for each.

    Before the first answer, the artifact's golden pictures are run, at the first use after boot or when engine,
    processor, settings or artifact have changed; see `edgeall.golden.remembered`.

    Args:
        threads: of each engine.
        force: give a verdict on pictures that would be refused. The reasons stay in the answer.
        cells: the images are whole smear fields, and the model is one of single cells: each gives a `FieldAnswer`.

    Raises:
        UsageError: no source, or standard input twice.
        MissingExtraError, EngineError: the artifact's engine is not installed, or cannot load it.
        SelftestError: the engine answers wrong here.
    """
    for answer in answers(artifact, sources, threads, force=force, cells=cells):
        yield answer if isinstance(answer, LeftOut) else answer.result


def answers(
    artifact: Artifact,
    sources: Sequence[str | os.PathLike[str]],
    threads: int = 1,
    *,
    force: bool = False,
    cells: bool = False,
    known: Known | None = None,
    selftested: "Callable[[Outcome], None] | None" = None,
) -> Iterator[Answer | LeftOut]:
    """As `classify`, with the file that each answer is on, and without those that are `known` already.

    Args:
        selftested: is given the outcome of the golden pictures, where they were run.

    Raises:
        as `classify`.
    """
    names = [os.fspath(source) for source in sources]
    if not names:
        raise UsageError("no image given: name files, folders, or - for standard input")
    if names.count(STDIN) > 1:
        raise UsageError("standard input (-) holds one image: name it once")

    def answer(found: Found | Failed | LeftOut) -> Answer | LeftOut:
        if isinstance(found, LeftOut):
            return found
        if isinstance(found, Failed):
            return Answer(None, found)
        if known is not None and (before := known(found)) is not None:
            return Answer(found, before, known=True)
        return Answer(found, classifier.answer(found))

    with Classifier(artifact, threads, force=force, cells=cells, selftested=selftested) as classifier:
        yield from classifier.in_order(answer, find_images(names))


class Classifier:
    """An artifact and its engine, for any number of pictures, by several threads.

    It is what `answers` uses, for callers whose pictures do not come in one call:

    >>> with Classifier(artifact) as classifier:  # doctest: +SKIP
    ...     classifier.begin()
    ...     classifier.answer(Found("cell.jpg", "cell.jpg", content))
    """

    def __init__(
        self,
        artifact: Artifact,
        threads: int = 1,
        *,
        force: bool = False,
        cells: bool = False,
        selftested: "Callable[[Outcome], None] | None" = None,
    ) -> None:
        """Nothing is loaded yet. The arguments are those of `answers`."""
        self.artifact, self.threads, self.force, self.cells = artifact, threads, force, cells
        self._way = _way(artifact, force, cells)
        self._selftested = selftested
        self._processors = usable_processors()
        self._pool = SessionPool(artifact, threads, self._processors // max(1, threads))

    def begin(self) -> None:
        """Load the engine, and run the golden pictures where they have to be; not again in later calls.

        Raises:
            MissingExtraError, EngineError, SelftestError: as of `classify`.
        """
        if self._pool.engine is None:
            self._pool.begin(self._check)

    @property
    def engine(self) -> EngineInfo | None:
        """The engine; None before `begin`."""
        return self._pool.engine

    def session(self) -> AbstractContextManager[Session]:
        """The engine for the block, which no other thread uses meanwhile; for any thread. Waits for `begin`."""
        return self._pool.session()

    def answer(self, found: Found) -> Result | Failed:
        """The answer on one picture; for any thread. Waits for `begin`.

        Raises:
            MemoryError: there is too little memory for it now, which says nothing of the picture.
            EngineClosed: the classifier was closed, or its use in another thread failed, which says nothing either.
        """
        try:
            read = self._way.read(found)
            with self._pool.session() as session:
                return self._way.answer(found.path, read, session)
        except EngineClosed:
            raise
        except (ImageError, EngineError) as error:
            return Failed(found.path, str(error))

    def in_order(
        self, function: Callable[[Item], Made], items: Iterable[Item], ahead: int | None = None
    ) -> Iterator[Made]:
        """Results of `function`, which may call `answer`, of each item, as `reading_ahead.in_order` gives them.

        There is a thread for each processor. A thread takes a picture from its file to its answer, so that it stays
        with one processor. The first pictures are read while the engine loads.

        Raises:
            as `begin`, and what `function` raises.
        """
        with in_order(function, items, self._processors, ahead) as ready:
            try:
                self.begin()
                yield from ready
            except BaseException:
                # Before the threads are waited for: none may wait for an engine that does not come.
                self._pool.give_up()
                raise

    def _check(self, session: Session) -> None:
        outcome = check_once(self.artifact, session) if uncheckable(self.artifact) is None else None
        if outcome is not None and self._selftested is not None:
            self._selftested(outcome)

    def close(self) -> None:
        """Close the engine, which no thread uses any more."""
        self._pool.give_up()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _way(artifact: Artifact, force: bool, cells: bool) -> Way:
    if not cells:
        return SinglePictures(artifact, force)
    from edgeall.field.whole_fields import WholeFields

    return WholeFields(artifact, force)
