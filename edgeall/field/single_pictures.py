"""Single pictures: read, checked, and given a verdict by a session."""

import io
import time

from edgeall.artifact import Artifact, Domain
from edgeall.domain.judging import unlike
from edgeall.field.answers import Classified
from edgeall.field.sources import STDIN, Found
from edgeall.field.verdict import Verdict, verdict_of
from edgeall.pixels import Picture, Source, read_picture
from edgeall.pixels.quality import Quality, assess
from edgeall.runtimes import Session
from edgeall.values import dataclass


@dataclass(frozen=True)
class Checked:
    """A picture at the model's square, and what speaks against a verdict.

    Attributes:
        unlike: in which ways it is unlike the training images; None where they are not known.
    """

    picture: Picture
    quality: Quality
    unlike: tuple[str, ...] | None

    @property
    def refused(self) -> bool:
        return not self.quality.ok or bool(self.unlike)


def check(picture: Picture, domain: Domain | None) -> Checked:
    """Check a picture by the rules for all, and by the images that a model was made for."""
    if domain is None:
        return Checked(picture, assess(picture.pixels, picture.size), None)
    smallest = round(_SMALLER * domain.widths[0]), round(_SMALLER * domain.heights[0])
    return Checked(picture, assess(picture.pixels, picture.size, smallest), unlike(domain, picture))


def verdict(checked: Checked, artifact: Artifact, session: Session, force: bool) -> Verdict | None:
    """The verdict on a picture; None for one that is refused, unless `force`.

    Raises:
        EngineError: the engine failed.
    """
    if checked.refused and not force:
        return None
    probabilities = session.predict(checked.picture.pixels[None])[0]
    return verdict_of(probabilities, artifact.metadata.decision)


def source_of(found: Found) -> Source:
    """What to read of a picture."""
    if found.content is None:
        return found.path
    return found.content if found.path == STDIN else _NamedBytes(found.content, found.path)


class _NamedBytes(io.BytesIO):
    """The content of a file that was read before; messages name the file."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


_SMALLER = 0.75
"""Share of the smaller training images' sides (5th percentile) down to which a picture is large enough."""


@dataclass(frozen=True)
class _Read:
    checked: Checked
    seconds: float


class SinglePictures:
    """Each file is one picture with one verdict."""

    def __init__(self, artifact: Artifact, force: bool) -> None:
        self._artifact, self._force = artifact, force

    def read(self, found: Found) -> _Read:
        """Read and check a picture; for any thread.

        Raises:
            ImageError: it cannot be read.
        """
        start, metadata = time.perf_counter(), self._artifact.metadata
        picture = read_picture(source_of(found), metadata.pixels.resize)
        return _Read(check(picture, metadata.domain), time.perf_counter() - start)

    def answer(self, path: str, read: _Read, session: Session) -> Classified:
        """The answer on a picture that was read.

        Raises:
            EngineError: the engine failed.
        """
        start, checked = time.perf_counter(), read.checked
        found = verdict(checked, self._artifact, session, self._force)
        seconds = read.seconds + time.perf_counter() - start
        return Classified(
            path,
            found,
            self._artifact.metadata.decision.threshold,
            checked.quality,
            checked.unlike,
            self._artifact.path.name,
            seconds * 1000.0,
            checked.picture.notes,
        )
