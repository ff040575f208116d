"""Runs an artifact's golden pictures in its engine, here and now."""

import time

import numpy as np

from edgeall.artifact import Artifact
from edgeall.artifact.golden import Golden
from edgeall.errors import EngineError, SelftestError, UncheckableError
from edgeall.golden import answers, pictures
from edgeall.golden.checkable import uncheckable
from edgeall.runtimes import Session
from edgeall.values import dataclass

ACCELERATOR_FACTOR = 40.0
"""On an accelerator so many tolerances are allowed: what is made for float16 may be computed in it there. Simulated on
MobileNetV2, float16 throughout is 15 tolerances off, and bfloat16 77. No accelerator has been measured."""


@dataclass(frozen=True)
class Outcome:
    """What an artifact answered to its golden pictures.

    Attributes:
        engine, version: that answered.
        expected, seen: class probabilities (pictures, classes).
        difference: the largest, as a multiple of the artifact's tolerance; right up to `allowed`.
        allowed: 1 on a processor.
        milliseconds: of drawing, inference and comparison; the engine was loaded before.
        saturated: whether the expected answers are so near to 0 or 1 that only gross errors show.
    """

    engine: str
    version: str
    expected: tuple[tuple[float, ...], ...]
    seen: tuple[tuple[float, ...], ...]
    difference: float
    allowed: float
    milliseconds: float
    saturated: bool

    @property
    def right(self) -> bool:
        return self.difference <= self.allowed

    @property
    def largest(self) -> float:
        """The largest difference of a probability."""
        return float(np.abs(np.subtract(self.expected, self.seen)).max())


def run(artifact: Artifact, session: Session) -> Outcome:
    """Answers of an open session to the artifact's golden pictures, right or wrong.

    Raises:
        UncheckableError: the artifact has none, or of other pictures than this edgeall draws.
        SelftestError: the engine gave no probabilities, or this machine draws other pictures.
    """
    golden = _golden(artifact)
    started = time.perf_counter()
    images = pictures.pictures(golden.seeds, session.pixels.size)
    if pictures.digest(images) != golden.pictures:
        raise SelftestError(
            f"{artifact.path}: its golden pictures are drawn differently here than where it was made, so that Python "
            f"or NumPy {np.__version__} is at fault: install another version of NumPy"
        )
    try:
        seen = session.predict(images).astype(np.float64)
    except EngineError as error:
        reason = str(error).removeprefix(f"{artifact.path}: ")
        failed = _failed(artifact, session.engine.name, session.engine.version)
        raise SelftestError(f"{failed}: {reason}") from None
    apart = float(answers.differences(golden, seen).max())
    return Outcome(
        engine=session.engine.name,
        version=session.engine.version,
        expected=golden.probabilities,
        seen=tuple(tuple(map(float, row)) for row in seen),
        difference=apart,
        allowed=1.0 if session.accelerator is None else ACCELERATOR_FACTOR,
        milliseconds=(time.perf_counter() - started) * 1000,
        saturated=answers.saturated(golden),
    )


def check(artifact: Artifact, session: Session) -> Outcome:
    """As `run`, and wrong answers are an error.

    Raises:
        UncheckableError: as `run`.
        SelftestError: an answer is wrong, or as `run`; names engine, version, expected and seen.
    """
    outcome = run(artifact, session)
    if not outcome.right:
        raise SelftestError(wrong(artifact, outcome))
    return outcome


def wrong(artifact: Artifact, outcome: Outcome) -> str:
    """The message for answers that are wrong: engine, version, expected and seen, and the way out."""
    golden = _golden(artifact)
    apart = answers.differences(golden, outcome.seen)
    row, column = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return (
        f"{_failed(artifact, outcome.engine, outcome.version)}: expected {outcome.expected[row][column]:.4f}, "
        f"seen {outcome.seen[row][column]:.4f} ({outcome.difference:.3g} times the tolerance); made with "
        f"{golden.engine} {golden.version} on {golden.processor}. Do not use its verdicts here: install that version "
        "of the engine, or export again on this machine"
    )


def _golden(artifact: Artifact) -> Golden:
    golden, reason = artifact.metadata.golden, uncheckable(artifact)
    if golden is None or reason is not None:
        raise UncheckableError(reason)
    return golden


def _failed(artifact: Artifact, engine: str, version: str) -> str:
    return f"{artifact.path}: {engine} {version} answers wrong here"
