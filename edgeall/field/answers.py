"""What classification gives for each input: a verdict, a refusal or an error."""

from typing import Any

from edgeall import documents
from edgeall.field.verdict import Outcome, Verdict, VerdictOutcome
from edgeall.pixels.quality import Quality
from edgeall.values import dataclass


@dataclass(frozen=True)
class Classified:
    """The answer on one picture that was read.

    Attributes:
        path: as given, or as found in a folder; "-" for standard input.
        verdict: None for a picture that is refused: one that fails a quality check, or is unlike the training images.
        threshold: score from which the artifact's verdict is positive.
        unlike: in which ways the picture is unlike the training images; None where the artifact does not describe them.
        model: file name of the artifact.
        ms: time to read, decode, check and infer this image, in milliseconds.
        notes: of the image reader, see `edgeall.pixels.Picture`.
    """

    path: str
    verdict: Verdict | None
    threshold: float
    quality: Quality
    unlike: tuple[str, ...] | None
    model: str
    ms: float
    notes: tuple[str, ...] = ()

    @property
    def decision(self) -> Outcome:
        """The verdict's decision, or "refuse"."""
        return "refuse" if self.verdict is None else self.verdict.decision

    @property
    def decisions(self) -> tuple[Outcome, ...]:
        """The one decision."""
        return (self.decision,)

    @property
    def has_doubtful_verdicts(self) -> bool:
        """Whether there is a verdict although the picture would be refused."""
        return self.verdict is not None and bool(self.doubts)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the picture is refused or, with a verdict, is doubtful."""
        return (*self.quality.reasons, *(self.unlike or ()))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, label, probability, score, threshold, decision, quality, domain, model, ms, notes."""
        return {
            "path": self.path,
            **verdict_to_dict(self.verdict),
            "threshold": self.threshold,
            "decision": self.decision,
            **checks_to_dict(self.quality, self.unlike),
            "model": self.model,
            "ms": round(self.ms, 3),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, document: Any) -> "Classified":
        """Rebuild from `to_dict`'s output.

        Raises:
            DocumentError: a key is missing, or a value is of another type.
        """
        read = documents.build(_Document, document)
        return cls(
            read.path,
            verdict_from(read),
            read.threshold,
            Quality(read.quality.reasons),
            None if read.domain is None else read.domain.reasons,
            read.model,
            read.ms,
            read.notes,
        )


@dataclass(frozen=True)
class Failed:
    """One input that could not be read, and the error."""

    path: str
    error: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: path, error."""
        return {"path": self.path, "error": self.error}


def verdict_to_dict(verdict: Verdict | None) -> dict[str, Any]:
    """JSON-ready: label, probability, score; null without a verdict."""
    if verdict is None:
        return {"label": None, "probability": None, "score": None}
    return {"label": verdict.label, "probability": verdict.probability, "score": verdict.score}


def checks_to_dict(quality: Quality, unlike: tuple[str, ...] | None) -> dict[str, Any]:
    """JSON-ready: quality, domain; each with ok and reasons."""
    return {
        "quality": {"ok": quality.ok, "reasons": list(quality.reasons)},
        "domain": None if unlike is None else {"ok": not unlike, "reasons": list(unlike)},
    }


@dataclass(frozen=True)
class CheckDocument:
    """A check as it is read back."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class VerdictDocument:
    """What `verdict_to_dict` and `checks_to_dict` write, as it is read back."""

    label: str | None
    probability: float | None
    score: float | None
    decision: VerdictOutcome | Outcome
    quality: CheckDocument
    domain: CheckDocument | None


@dataclass(frozen=True)
class _Document(VerdictDocument):
    path: str
    threshold: float
    model: str
    ms: float
    notes: tuple[str, ...]


def verdict_from(read: VerdictDocument) -> Verdict | None:
    """The verdict of a document; None for "refuse".

    Raises:
        DocumentError: it has a decision, and no label or number.
    """
    if read.decision == "refuse":
        return None
    if read.score is None or read.label is None or read.probability is None:
        raise documents.DocumentError("missing", "label, probability or score")
    return Verdict(read.decision, read.score, read.label, read.probability)
