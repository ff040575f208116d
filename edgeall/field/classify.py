"""Images to verdicts, one engine for all of them, each told as soon as it is known."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall.artifact import Artifact
from edgeall.errors import EngineError, ImageError, UsageError
from edgeall.field.quality import Quality, assess
from edgeall.field.verdict import Verdict, judge
from edgeall.pixels import SUFFIXES, ByteImage, Resize, Source, read_image_with_size
from edgeall.runtimes import Session, open_session

STDIN = "-"
"""Names standard input among paths."""


@dataclass(frozen=True)
class Classified:
    """One image's verdict.

    Attributes:
        path: as it was given, or found in a folder; "-" for standard input.
        threshold: score from which the artifact's verdict is positive.
        model: file name of the artifact.
        ms: read, decode, check, infer: what this image took, in milliseconds.
    """

    path: str
    verdict: Verdict
    threshold: float
    quality: Quality
    model: str
    ms: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, label, probability, score, threshold, decision, quality, model, ms."""
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
        }


@dataclass(frozen=True)
class Failed:
    """One input that gave no verdict."""

    path: str
    error: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, error."""
        return {"path": self.path, "error": self.error}


@dataclass(frozen=True)
class _Decoded:
    path: str
    image: ByteImage
    original: tuple[int, int]
    seconds: float


def classify(
    artifact: Artifact, sources: Sequence[str | os.PathLike[str]], threads: int = 1
) -> Iterator[Classified | Failed]:
    """Classify images, in order: files, folders (with all below them, by name), "-" for an image on standard input.

    An input that cannot be read, or holds no image, is a `Failed` in its place; the others go on. The next image is
    decoded while the engine works on this one.

    Raises:
        UsageError: nothing was given, or standard input twice.
        MissingExtraError, EngineError: the artifact's engine is not installed, or cannot load it.
    """
    names = [os.fspath(source) for source in sources]
    if not names:
        raise UsageError("no image given: name files, folders, or - for standard input")
    if names.count(STDIN) > 1:
        raise UsageError("standard input (-) holds one image: name it once")
    with open_session(artifact, threads) as session:
        for decoded in _decoded(find_images(names), session.pixels.resize):
            yield decoded if isinstance(decoded, Failed) else _judged(decoded, artifact, session)


def find_images(names: Iterable[str]) -> Iterator[str | Failed]:
    """Paths of the images that names stand for; folders are gone through with all below, hidden files left out."""
    for name in names:
        if name == STDIN or not Path(name).is_dir():
            yield name
            continue
        empty = True
        for found in _below(name):
            empty = False
            yield found
        if empty:
            yield Failed(name, f"{name}: no images in this folder ({', '.join(SUFFIXES)})")


def _below(folder: str) -> Iterator[str | Failed]:
    barred: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=barred.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield str(Path(place) / name)
    for error in barred:
        yield Failed(str(error.filename), f"{error.filename}: cannot be read ({error.strerror})")


def _decoded(paths: Iterable[str | Failed], to: Resize) -> Iterator[_Decoded | Failed]:
    """Each image decoded, one ahead of the reader."""
    with ThreadPoolExecutor(1, thread_name_prefix="decode") as pool:
        ahead: Future[_Decoded | Failed] | None = None
        for path in paths:
            after = pool.submit(_decode, path, to)
            if ahead is not None:
                yield ahead.result()
            ahead = after
        if ahead is not None:
            yield ahead.result()


def _decode(path: str | Failed, to: Resize) -> _Decoded | Failed:
    if isinstance(path, Failed):
        return path
    start = time.perf_counter()
    try:
        source: Source = _standard_input() if path == STDIN else path
        image, original = read_image_with_size(source, to)
    except ImageError as error:
        return Failed(path, str(error))
    return _Decoded(path, image, original, time.perf_counter() - start)


def _standard_input() -> bytes:
    data = sys.stdin.buffer.read()
    if not data:
        raise ImageError("standard input is empty: pipe an image into it")
    return data


def _judged(decoded: _Decoded, artifact: Artifact, session: Session) -> Classified | Failed:
    start = time.perf_counter()
    try:
        probabilities = session.predict(decoded.image[None])[0]
    except EngineError as error:
        return Failed(decoded.path, str(error))
    decision = artifact.metadata.decision
    verdict = judge(probabilities, decision)
    quality = assess(decoded.image, decoded.original)
    seconds = decoded.seconds + time.perf_counter() - start
    return Classified(
        decoded.path, verdict, decision.threshold, quality, artifact.path.name, seconds * 1000.0
    )
