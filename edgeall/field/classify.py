"""Classifies images with one engine, and yields each answer as soon as it is available."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from edgeall.artifact import Artifact, Domain, Metadata
from edgeall.domain.judging import unlike
from edgeall.errors import EngineError, ImageError, UsageError
from edgeall.field.answers import Classified, Failed
from edgeall.field.reading_ahead import in_order
from edgeall.field.sources import STDIN, Found, find_images
from edgeall.field.verdict import verdict_of
from edgeall.golden import Outcome, check_once, uncheckable
from edgeall.pixels import Picture, Source, read_picture
from edgeall.pixels.folder import LeftOut
from edgeall.pixels.quality import Quality, assess
from edgeall.runtimes import Session, open_session
from edgeall.values import dataclass

Known = Callable[[Found], Classified | None]
"""An answer that is known already, such as that of an interrupted run; None where there is none."""


@dataclass(frozen=True)
class _Read:
    """A picture that was read and checked.

    Attributes:
        seconds: that this took.
    """

    path: str
    picture: Picture
    quality: Quality
    unlike: tuple[str, ...] | None
    seconds: float

    @property
    def refused(self) -> bool:
        return not self.quality.ok or bool(self.unlike)


@dataclass(frozen=True)
class Answer:
    """One answer, and the picture that it is on.

    Attributes:
        found: None for an input that holds no picture, such as an empty folder.
        known: whether it was known already.
    """

    found: Found | None
    result: Classified | Failed
    known: bool = False


def classify(
    artifact: Artifact,
    sources: Sequence[str | os.PathLike[str]],
    threads: int = 1,
    *,
    force: bool = False,
) -> Iterator[Classified | Failed | LeftOut]:
    """Classify images, in order: files, folders (with all below them, by name), patterns, "-" for standard input.

    A picture that fails a quality check, or is unlike the training images that the artifact describes, is refused: a
    `Classified` without a verdict. An input that cannot be read, or is not an image, gives a `Failed` in its place, and
    the others continue. A file in a folder that is not an image gives a `LeftOut`. The next images are read in threads
    while the engine runs.

    Before the first answer, the artifact's golden pictures are run, at the first use after boot or when engine,
    processor, settings or artifact have changed; see `edgeall.golden`.

    Args:
        threads: of the engine. One thread for each processor reads images.
        force: give a verdict on pictures that would be refused. The reasons stay in the answer.

    Raises:
        UsageError: no source, or standard input twice.
        MissingExtraError, EngineError: the artifact's engine is not installed, or cannot load it.
        SelftestError: the engine answers wrong here.
    """
    for answer in answers(artifact, sources, threads, force=force):
        yield answer if isinstance(answer, LeftOut) else answer.result


def answers(
    artifact: Artifact,
    sources: Sequence[str | os.PathLike[str]],
    threads: int = 1,
    *,
    force: bool = False,
    known: Known | None = None,
    checked: Callable[[Outcome], None] | None = None,
) -> Iterator[Answer | LeftOut]:
    """As `classify`, with the file that each answer is on, and without those that are `known` already.

    Args:
        checked: is given the outcome of the golden pictures, where they were run.

    Raises:
        as `classify`.
    """
    names = [os.fspath(source) for source in sources]
    if not names:
        raise UsageError("no image given: name files, folders, or - for standard input")
    if names.count(STDIN) > 1:
        raise UsageError("standard input (-) holds one image: name it once")

    def prepare(found: Found | Failed | LeftOut) -> Answer | LeftOut | tuple[Found, _Read]:
        if isinstance(found, LeftOut):
            return found
        if isinstance(found, Failed):
            return Answer(None, found)
        if known is not None and (before := known(found)) is not None:
            return Answer(found, before, known=True)
        read = _read(found.path, artifact.metadata)
        return Answer(found, read) if isinstance(read, Failed) else (found, read)

    # The first pictures are read while the engine loads.
    with in_order(prepare, find_images(names)) as ready, open_session(artifact, threads) as session:
        if (
            uncheckable(artifact) is None
            and (outcome := check_once(artifact, session))
            and checked is not None
        ):
            checked(outcome)
        for prepared in ready:
            if isinstance(prepared, tuple):
                yield Answer(prepared[0], _answer(prepared[1], artifact, session, force))
            else:
                yield prepared


def _read(path: str, metadata: Metadata) -> _Read | Failed:
    start = time.perf_counter()
    try:
        source: Source = _standard_input() if path == STDIN else path
        picture = read_picture(source, metadata.pixels.resize)
    except ImageError as error:
        return Failed(path, str(error))
    quality, unlikeness = check_picture(picture, metadata.domain)
    return _Read(path, picture, quality, unlikeness, time.perf_counter() - start)


def check_picture(picture: Picture, domain: Domain | None) -> tuple[Quality, tuple[str, ...] | None]:
    """Whether a picture is fit, and in which ways it is unlike the training images; None where they are not known."""
    if domain is None:
        return assess(picture.pixels, picture.size), None
    smallest = domain.widths[0], domain.heights[0]
    return assess(picture.pixels, picture.size, smallest), unlike(domain, picture)


def _standard_input() -> bytes:
    data = sys.stdin.buffer.read()
    if not data:
        raise ImageError("standard input is empty: pipe an image into it")
    return data


def _answer(read: _Read, artifact: Artifact, session: Session, force: bool) -> Classified | Failed:
    start, decision = time.perf_counter(), artifact.metadata.decision
    verdict = None
    if force or not read.refused:
        try:
            verdict = verdict_of(session.predict(read.picture.pixels[None])[0], decision)
        except EngineError as error:
            return Failed(read.path, str(error))
    seconds = read.seconds + time.perf_counter() - start
    return Classified(
        read.path,
        verdict,
        decision.threshold,
        read.quality,
        read.unlike,
        artifact.path.name,
        seconds * 1000.0,
        read.picture.notes,
    )
