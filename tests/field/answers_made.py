"""Answers made by hand, for tests of what is done with them."""

from edgeall.field import Classified, Quality, Verdict

SCORES = {"positive": 0.9, "negative": 0.1, "refer": 0.5}


def answer(path: str, decision: str, *reasons: str) -> Classified:
    """An answer with the decision; `reasons` are in which ways the picture is unlike the training images."""
    score = SCORES.get(decision)
    verdict = None
    if score is not None:
        label = "ALL" if score >= 0.5 else "healthy"
        verdict = Verdict(decision, score, label, max(score, 1 - score))  # type: ignore[arg-type]
    return Classified(path, verdict, 0.5, Quality(()), reasons, "model.tflite", 12.5, ("a note",))
