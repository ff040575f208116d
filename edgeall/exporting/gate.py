"""May an artifact stand in for its float model? Answers of both on the same validation images are compared.

A change of the score by itself says little: it follows the scale of the logits, and a float model moves as far when a
picture shifts by a pixel. The gate asks what a user would notice: the ranking of images (AUC), the probabilities
(log-loss) and the verdicts. A limit is kept where the images show that it is, broken where they show that, and
otherwise the artifact is unproven on so many images. `docs/int8.md` argues the limits.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision, GateOutcome, Parity
from edgeall.errors import ExportError
from edgeall.exporting.recipes import Tolerance
from edgeall.statistics import OneSided, log_losses, paired_auc, paired_mean

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEAR = 0.1
"""Verdicts on scores this near the threshold are left out of their agreement, where the model has no referral band."""
_LIVELY = 0.05
"""A Keras model whose scores spread wider than this over the images must not become a constant one."""
_ROUNDING = 1e-12
_LEVEL = 0.05
"""Probability by chance below which images count as having shown something."""
_MOST_IMAGES = 1_000_000


@dataclass(frozen=True)
class PairedScores:
    """What the float model and an artifact answer to the same n images.

    Attributes:
        truth: index into the labels of each image, (n,).
        subjects: of each image, None where not known.
        reference, answers: class probabilities, (n, k): the float model's and the artifact's.
        positive: whether each image shows a finding, (n,).
        reference_score, score: probabilities of a finding, (n,).
        reference_called, called: verdicts, each at the model's own threshold, (n,).
        clear: whether the float model's score lies outside its referral band, or where it has none, further than
            `NEAR` from its threshold; of more than two classes also whether its most probable class leads by 2 `NEAR`.
    """

    truth: npt.NDArray[np.int64]
    subjects: tuple[str | None, ...]
    reference: Floats
    answers: Floats
    positive: Bools
    reference_score: Floats
    score: Floats
    reference_called: Bools
    called: Bools
    clear: Bools

    def __len__(self) -> int:
        return len(self.truth)

    def first(self, count: int) -> "PairedScores":
        """The first `count` images."""
        return PairedScores(*(getattr(self, field.name)[:count] for field in dataclasses.fields(self)))

    @property
    def same(self) -> Bools:
        """Whether both give an image the same verdict and, of more than two classes, the same class."""
        same = self.called == self.reference_called
        if self.reference.shape[1] > 2:
            same &= self.reference.argmax(axis=1) == self.answers.argmax(axis=1)
        return np.asarray(same)


def paired(
    truth: Sequence[int],
    subjects: Sequence[str | None],
    reference: npt.NDArray[np.floating[Any]],
    answers: npt.NDArray[np.floating[Any]],
    decision: Decision,
    own: Decision,
) -> PairedScores:
    """Pair the answers of a float model with those of an artifact; class probabilities (n, k) each.

    Args:
        decision, own: of the float model and of the artifact.

    Raises:
        ExportError: the artifact's answers are NaN, infinite, no probabilities, or all the same where the model's are
            not: what was written is no model at all, and no tolerance applies.
    """
    if answers.shape != reference.shape:
        raise ExportError(f"answers of shape {answers.shape} where the Keras model gives {reference.shape}")
    if not np.isfinite(answers).all():
        raise ExportError("answers NaN or infinity")
    if answers.min() < -0.01 or answers.max() > 1.01:
        raise ExportError("answers outside 0 to 1: no probabilities")
    expected, score = decision.scores(reference), decision.scores(answers)
    if len(score) > 1 and np.ptp(score) == 0 and np.ptp(expected) > _LIVELY:
        raise ExportError(f"answers {score[0]:.3f} whatever the image is")
    labels = np.asarray(truth, np.int64)
    return PairedScores(
        truth=labels,
        subjects=tuple(subjects),
        reference=reference.astype(np.float64),
        answers=answers.astype(np.float64),
        positive=np.isin(labels, decision.positive_indices),
        reference_score=expected,
        score=score,
        reference_called=expected >= decision.threshold,
        called=score >= own.threshold,
        clear=_clear(expected, reference, decision),
    )


def _clear(score: Floats, reference: npt.NDArray[np.floating[Any]], decision: Decision) -> Bools:
    if decision.refer is not None:
        clear = (score < decision.refer[0]) | (score >= decision.refer[1])
    else:
        clear = np.abs(score - decision.threshold) > NEAR
    if reference.shape[1] > 2:
        best = np.sort(reference, axis=1)
        clear &= best[:, -1] - best[:, -2] > 2 * NEAR
    return np.asarray(clear)


def joined(parts: Sequence[PairedScores]) -> PairedScores:
    """The images of several models of one kind, such as the folds of a cross-validation, as one set.

    Probabilities are pooled as they come: each model's are calibrated on its own validation images.
    """
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(PairedScores)
        if field.name != "subjects"
    }
    return PairedScores(subjects=tuple(name for part in parts for name in part.subjects), **arrays)


def judge(images: PairedScores, tolerance: Tolerance) -> Parity:
    """What the images show of an artifact, held to the limits of its recipe."""
    difference = np.abs(images.score - images.reference_score)
    figures: dict[str, Any] = {
        "n": len(images),
        "agreement": float((images.called == images.reference_called).mean()),
        "max_abs_diff": float(difference.max()),
        "mean_abs_diff": float(difference.mean()),
        "accuracy_delta": float(
            np.mean(images.called == images.positive) - np.mean(images.reference_called == images.positive)
        ),
        "clear": int(images.clear.sum()),
        "clear_agreement": float(images.same[images.clear].mean()) if images.clear.any() else None,
        **_classes(images),
    }
    area, loss = _area(images), _loss(images)
    if area is not None:
        figures |= {"auc_delta": area.value, "auc_delta_low": area.low, "auc_delta_high": area.high}
    figures |= {
        "log_loss_delta": loss.value,
        "log_loss_delta_low": loss.low,
        "log_loss_delta_high": loss.high,
    }
    figures["over"] = loss.over
    found = [clause(images, tolerance, area, loss) for clause in _CLAUSES]
    held = [each for each in found if each is not None]
    return Parity(**figures, **_outcome(held))


def within(parity: Parity, tolerance: Tolerance) -> bool:
    """Whether AUC and log-loss as measured keep their limits, whatever their bounds."""
    area, loss = parity.auc_delta, parity.log_loss_delta
    return (area is None or tolerance.auc_fall is None or area >= -tolerance.auc_fall) and (
        loss is None or tolerance.log_loss_rise is None or loss < tolerance.log_loss_rise
    )


@dataclass(frozen=True)
class Criterion:
    """One limit, and what the images show of it.

    Attributes:
        reason: what is wrong or not known; empty where it is kept.
        needed: images that would decide, if others are like these; None where their number does not help.
    """

    outcome: GateOutcome
    reason: str = ""
    needed: int | None = None


def _outcome(clauses: Sequence[Criterion]) -> dict[str, Any]:
    failed = [clause for clause in clauses if clause.outcome == "failed"]
    open_ = [clause for clause in clauses if clause.outcome == "unproven"]
    outcome: GateOutcome = "failed" if failed else "unproven" if open_ else "passed"
    needed = [clause.needed for clause in open_]
    known = [count for count in needed if count is not None]
    return {
        "passed": {"passed": True, "failed": False, "unproven": None}[outcome],
        "outcome": outcome,
        "reasons": tuple(clause.reason for clause in failed or open_),
        "needed": max(known) if outcome == "unproven" and len(known) == len(needed) else None,
    }


def with_clause(parity: Parity, clause: Criterion) -> Parity:
    """The same with one more limit, of images or answers that `judge` does not see."""
    if clause.outcome == "passed" or (parity.outcome == "failed" and clause.outcome == "unproven"):
        return parity
    reasons = (*(parity.reasons if parity.outcome == clause.outcome else ()), clause.reason)
    passed = False if clause.outcome == "failed" else None
    return dataclasses.replace(parity, passed=passed, outcome=clause.outcome, reasons=reasons, needed=None)


def _near(images: PairedScores, limit: Tolerance, area: OneSided | None, loss: OneSided) -> Criterion | None:
    """Of float32, which is the same model: the score itself."""
    if limit.mean_abs_diff is None and limit.max_abs_diff is None:
        return None
    difference = np.abs(images.answers - images.reference).max(axis=1)
    for name, value, most in (
        ("mean", float(difference.mean()), limit.mean_abs_diff),
        ("largest", float(difference.max()), limit.max_abs_diff),
    ):
        if most is not None and value > most:
            return Criterion(
                "failed", f"the {name} change of a probability is {value:.2g}, the limit {most:g}"
            )
    return Criterion("passed")


def _ranking(
    images: PairedScores, limit: Tolerance, area: OneSided | None, loss: OneSided
) -> Criterion | None:
    if limit.auc_fall is None or limit.auc_fall_bound is None:
        return None
    if area is None:
        return Criterion("unproven", "the validation images are of one class, so that there is no AUC")
    if area.low is None or area.high is None:
        return Criterion(
            "unproven", "the validation images have one of a class, so that the AUC has no bounds"
        )
    if area.value >= -limit.auc_fall - _ROUNDING and area.low > -limit.auc_fall_bound:
        return Criterion("passed")
    words = f"AUC changes by {area.value:+.3f}, one-sided 95 % bounds {area.low:+.3f} and {area.high:+.3f}"
    if area.high < -limit.auc_fall or (area.value <= -limit.auc_fall_bound and area.high < 0):
        return Criterion("failed", f"{words}: it falls by more than {limit.auc_fall:g}")
    words += f": a fall by {limit.auc_fall_bound:g} is not excluded"
    if area.value >= -limit.auc_fall:
        return Criterion(
            "unproven", words, _scaled(images, area.value - area.low, area.value + limit.auc_fall_bound)
        )
    return Criterion("unproven", words, _scaled(images, area.high - area.value, -limit.auc_fall - area.value))


def _calibration(
    images: PairedScores, limit: Tolerance, area: OneSided | None, loss: OneSided
) -> Criterion | None:
    most = limit.log_loss_rise
    if most is None:
        return None
    if loss.low is None or loss.high is None:
        return Criterion("unproven", "there is one validation image, so that the log-loss has no bounds")
    if loss.high < most:
        return Criterion("passed")
    words = (
        f"log-loss changes by {loss.value:+.3f}, one-sided 95 % bounds {loss.low:+.3f} and {loss.high:+.3f}"
    )
    if loss.value >= most and loss.low > 0:
        return Criterion("failed", f"{words}: it rises by more than {most:g}")
    words += f": a rise by {most:g} is not excluded"
    if loss.value < most:
        return Criterion("unproven", words, _scaled(images, loss.high - loss.value, most - loss.value))
    return Criterion("unproven", words, _scaled(images, loss.value - loss.low, loss.value))


def _verdicts(
    images: PairedScores, limit: Tolerance, area: OneSided | None, loss: OneSided
) -> Criterion | None:
    if limit.agreement is None:
        return None
    return agreement(images, limit.agreement, "the float model's")


def agreement(images: PairedScores, least: float, whose: str) -> Criterion:
    """Whether verdicts on clear images are `whose` in a share of `least` or more.

    Failed only where so many differ that a share of `least` would show as many with a probability below 5 %: one of
    40 images that differs says little.
    """
    clear = int(images.clear.sum())
    differ = clear - int(images.same[images.clear].sum())
    if not clear:
        return Criterion(
            "unproven", "no score is clear of the threshold, so that verdicts cannot be compared"
        )
    if differ <= (1 - least) * clear + _ROUNDING:
        return Criterion("passed")
    words = f"{differ} of {clear} clear verdicts are not {whose}"
    if _by_chance(differ, clear, 1 - least) < _LEVEL:
        return Criterion("failed", f"{words}: fewer than {least:.1%} agree")
    words += f": too few images to tell from {least:.1%}"
    return Criterion("unproven", words, _enough(images, differ, clear, least))


_CLAUSES: tuple[Callable[[PairedScores, Tolerance, OneSided | None, OneSided], Criterion | None], ...] = (
    _near,
    _ranking,
    _calibration,
    _verdicts,
)


def never_below(kept: Bools, others: Bools, what: str) -> Criterion:
    """Whether an artifact keeps verdicts on changed pictures as another does, (n,) each: paired.

    Failed where the other keeps more and a one-sided sign test of the images that differ (McNemar's, exact) shows it.
    """
    better, worse = int((kept & ~others).sum()), int((others & ~kept).sum())
    if worse > better and _by_chance(worse, better + worse, 0.5) < _LEVEL:
        return Criterion(
            "failed",
            f"on {what} {kept.mean():.1%} of clear verdicts are the float model's, with the format's own calibration "
            f"{others.mean():.1%}",
        )
    return Criterion("passed")


def _by_chance(seen: int, of: int, share: float) -> float:
    """The probability that at least `seen` of `of` happen where each does with probability `share`."""
    from scipy.stats import binom

    return float(binom.sf(seen - 1, of, share))


def _enough(images: PairedScores, differ: int, clear: int, least: float) -> int:
    """Images with which as many different verdicts as were seen would be few enough, if others do not differ."""
    return math.ceil(len(images) / clear * differ / (1 - least) - _ROUNDING)


def _scaled(images: PairedScores, half_width: float, distance: float) -> int | None:
    """Images with which an interval's half would be as narrow as `distance`: it narrows with the root of n."""
    if distance <= 0:
        return None
    needed = math.ceil(len(images) * (half_width / distance) ** 2)
    return needed if needed <= _MOST_IMAGES else None


def _area(images: PairedScores) -> OneSided | None:
    """The change of the AUC; of more than two classes of the one that falls furthest, each against the others."""
    sets = [(images.positive, images.reference_score, images.score)]
    if images.reference.shape[1] > 2:
        columns = range(images.reference.shape[1])
        sets += [(images.truth == c, images.reference[:, c], images.answers[:, c]) for c in columns]
    found = [
        area
        for positive, before, after in sets
        if (area := paired_auc(positive, before, after, images.subjects)) is not None
    ]
    return min(found, key=lambda each: each.value if each.low is None else each.low) if found else None


def _loss(images: PairedScores) -> OneSided:
    change = log_losses(images.answers, images.truth) - log_losses(images.reference, images.truth)
    return paired_mean(change, images.positive, images.subjects)


def _classes(images: PairedScores) -> dict[str, float]:
    """Share of equal classes, and the largest and the mean difference of the class that differs most."""
    if images.reference.shape[1] < 3:
        return {}
    difference = np.abs(images.answers - images.reference)
    return {
        "class_agreement": float(np.mean(images.answers.argmax(axis=1) == images.reference.argmax(axis=1))),
        "class_max_abs_diff": float(difference.max()),
        "class_mean_abs_diff": float(difference.mean(axis=0).max()),
    }
