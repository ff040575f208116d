"""Classifies images with one engine, and yields each verdict as soon as it is available."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edgeall.artifact import Artifact
from edgeall.errors import EngineError, ImageError, UsageError
from edgeall.field.reading_ahead import in_order
from edgeall.field.verdict import Verdict, verdict_of
from edgeall.pixels import Picture, Resize, Source, read_picture
from edgeall.pixels.folder import LeftOut, PictureFile, in_words, list_folder
from edgeall.pixels.formats import READ
from edgeall.pixels.quality import Quality, assess
from edgeall.runtimes import Session, open_session
from edgeall.values import dataclass

STDIN = "-"
"""Names standard input among paths."""


@dataclass(frozen=True)
class Classified:
    """One image's verdict.

    Attributes:
        path: as given, or as found in a folder; "-" for standard input.
        threshold: score from which the artifact's verdict is positive.
        model: file name of the artifact.
        ms: time to read, decode, check and infer this image, in milliseconds.
        notes: of the image reader, see `edgeall.pixels.Picture`.
    """

    path: str
    verdict: Verdict
    threshold: float
    quality: Quality
    model: str
    ms: float
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, label, probability, score, threshold, decision, quality, model, ms, notes."""
        return {
            "path": self.path,
            "label": self.verdict.label,
            "probability": self.verdict.probability,
            "score": self.verdict.score,
            "threshold": self.threshold,
            "decision": self.verdict.decision,
            "quality": {"ok": self.quality.ok, "reasons": list(self.quality.reasons)},
            "model": self.model,
            "ms": round(self.ms, 3),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Failed:
    """One input without a verdict, and the error."""

    path: str
    error: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, error."""
        return {"path": self.path, "error": self.error}


@dataclass(frozen=True)
class _Decoded:
    path: str
    picture: Picture
    quality: Quality
    seconds: float


def classify(
    artifact: Artifact, sources: Sequence[str | os.PathLike[str]], threads: int = 1
) -> Iterator[Classified | Failed | LeftOut]:
    """Classify images, in order: files, folders (with all below them, by name), "-" for an image on standard input.

    An input that cannot be read, or is not an image, gives a `Failed` in its place, and the others continue. A file in
    a folder that is not an image gives a `LeftOut`. The next image is decoded while the engine runs on this one.

    Raises:
        UsageError: no source, or standard input twice.
        MissingExtraError, EngineError: the artifact's engine is not installed, or cannot load it.
    """
    names = [os.fspath(source) for source in sources]
    if not names:
        raise UsageError("no image given: name files, folders, or - for standard input")
    if names.count(STDIN) > 1:
        raise UsageError("standard input (-) holds one image: name it once")
    # The first pictures are decoded while the engine loads.
    decode = partial(_decode, to=artifact.metadata.pixels.resize)
    with in_order(decode, find_images(names)) as pictures, open_session(artifact, threads) as session:
        for decoded in pictures:
            yield _classified(decoded, artifact, session) if isinstance(decoded, _Decoded) else decoded


def find_images(names: Iterable[str]) -> Iterator[str | Failed | LeftOut]:
    """Paths of the named images, and of images in named folders; files that `list_folder` leaves out."""
    for name in names:
        if name == STDIN or not Path(name).is_dir():
            yield name
            continue
        yield from _below(Path(name))


def _below(folder: Path) -> Iterator[str | Failed | LeftOut]:
    left_out: list[LeftOut] = []
    empty = True
    for found in list_folder(folder):
        if isinstance(found, LeftOut):
            left_out.append(found)
            yield found
            continue
        empty = False
        if isinstance(found, PictureFile):
            yield str(found.path)
        else:
            yield Failed(str(found.path), f"{found.path}: cannot be read ({found.error})")
    if empty:
        others = "".join(f"; {line}" for line in in_words(left_out, folder))
        yield Failed(str(folder), f"{folder}: no images in this folder ({', '.join(READ)}){others}")


def _decode(path: str | Failed | LeftOut, to: Resize) -> _Decoded | Failed | LeftOut:
    if not isinstance(path, str):
        return path
    start = time.perf_counter()
    try:
        source: Source = _standard_input() if path == STDIN else path
        picture = read_picture(source, to)
    except ImageError as error:
        return Failed(path, str(error))
    quality = assess(picture.pixels, picture.size)
    return _Decoded(path, picture, quality, time.perf_counter() - start)


def _standard_input() -> bytes:
    data = sys.stdin.buffer.read()
    if not data:
        raise ImageError("standard input is empty: pipe an image into it")
    return data


def _classified(decoded: _Decoded, artifact: Artifact, session: Session) -> Classified | Failed:
    start, picture = time.perf_counter(), decoded.picture
    try:
        probabilities = session.predict(picture.pixels[None])[0]
    except EngineError as error:
        return Failed(decoded.path, str(error))
    decision = artifact.metadata.decision
    verdict = verdict_of(probabilities, decision)
    seconds = decoded.seconds + time.perf_counter() - start
    return Classified(
        decoded.path,
        verdict,
        decision.threshold,
        decoded.quality,
        artifact.path.name,
        seconds * 1000.0,
        picture.notes,
    )
