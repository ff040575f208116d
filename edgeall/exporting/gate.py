"""The parity gate: whether an artifact may replace its float model, by the outputs of both for validation images.

The gate compares the ranking of images (AUC), the probabilities (log-loss) and the verdicts. The change of the score by
itself has no limit for INT8: it depends on the scale of the logits, and a float score changes as much when a picture
shifts by a pixel. A criterion is passed where the images show that its limit is kept, failed where they show that it is
not, and otherwise unproven. `docs/int8.md` explains the limits.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.artifact import GateOutcome, Parity
from edgeall.exporting.paired_scores import PairedScores
from edgeall.exporting.recipes import Tolerance
from edgeall.statistics import OneSided, log_losses, paired_auc, paired_mean

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

_ROUNDING = 1e-12
_SIGNIFICANCE = 0.05
"""p-value below which images count as evidence."""
_MAX_IMAGES = 1_000_000


def judge(images: PairedScores, tolerance: Tolerance) -> Parity:
    """Figures of an artifact's parity, and the outcome for the limits of its recipe."""
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
        **_class_figures(images),
    }
    auc, log_loss = _auc_change(images), _log_loss_change(images)
    if auc is not None:
        figures |= {"auc_delta": auc.value, "auc_delta_low": auc.low, "auc_delta_high": auc.high}
    figures |= {
        "log_loss_delta": log_loss.value,
        "log_loss_delta_low": log_loss.low,
        "log_loss_delta_high": log_loss.high,
    }
    figures["over"] = log_loss.over
    found = [criterion(images, tolerance, auc, log_loss) for criterion in _CRITERIA]
    held = [each for each in found if each is not None]
    return Parity(**figures, **_outcome(held))


def within(parity: Parity, tolerance: Tolerance) -> bool:
    """Whether the point estimates of AUC and log-loss keep their limits."""
    auc, log_loss = parity.auc_delta, parity.log_loss_delta
    return (auc is None or tolerance.auc_fall is None or auc >= -tolerance.auc_fall) and (
        log_loss is None or tolerance.log_loss_rise is None or log_loss < tolerance.log_loss_rise
    )


@dataclass(frozen=True)
class Criterion:
    """The outcome of one limit.

    Attributes:
        reason: why it is not passed; empty where it is.
        needed: number of similar images that would decide; None where more images do not help.
    """

    outcome: GateOutcome
    reason: str = ""
    needed: int | None = None


def _outcome(criteria: Sequence[Criterion]) -> dict[str, Any]:
    failed = [criterion for criterion in criteria if criterion.outcome == "failed"]
    open_ = [criterion for criterion in criteria if criterion.outcome == "unproven"]
    outcome: GateOutcome = "failed" if failed else "unproven" if open_ else "passed"
    needed = [criterion.needed for criterion in open_]
    known = [count for count in needed if count is not None]
    return {
        "passed": {"passed": True, "failed": False, "unproven": None}[outcome],
        "outcome": outcome,
        "reasons": tuple(criterion.reason for criterion in failed or open_),
        "needed": max(known) if outcome == "unproven" and len(known) == len(needed) else None,
    }


def with_criterion(parity: Parity, criterion: Criterion) -> Parity:
    """`parity` with one more criterion, on data that `judge` does not have."""
    if criterion.outcome == "passed" or (parity.outcome == "failed" and criterion.outcome == "unproven"):
        return parity
    reasons = (*(parity.reasons if parity.outcome == criterion.outcome else ()), criterion.reason)
    passed = False if criterion.outcome == "failed" else None
    return dataclasses.replace(parity, passed=passed, outcome=criterion.outcome, reasons=reasons, needed=None)


def _probabilities(
    images: PairedScores, limit: Tolerance, auc: OneSided | None, log_loss: OneSided
) -> Criterion | None:
    """The change of probabilities; limited for float32, which is the same model."""
    if limit.mean_abs_diff is None and limit.max_abs_diff is None:
        return None
    difference = np.abs(images.outputs - images.reference).max(axis=1)
    for name, value, most in (
        ("mean", float(difference.mean()), limit.mean_abs_diff),
        ("largest", float(difference.max()), limit.max_abs_diff),
    ):
        if most is not None and value > most:
            return Criterion(
                "failed", f"the {name} change of a probability is {value:.2g}, the limit {most:g}"
            )
    return Criterion("passed")


def _auc(
    images: PairedScores, limit: Tolerance, auc: OneSided | None, log_loss: OneSided
) -> Criterion | None:
    if limit.auc_fall is None or limit.auc_fall_bound is None:
        return None
    if auc is None:
        return Criterion("unproven", "the validation images are of one class, so that there is no AUC")
    if auc.low is None or auc.high is None:
        return Criterion(
            "unproven", "a class has only one validation image, so that the AUC has no confidence bounds"
        )
    if auc.value >= -limit.auc_fall - _ROUNDING and auc.low > -limit.auc_fall_bound:
        return Criterion("passed")
    change = f"AUC changes by {auc.value:+.3f}, one-sided 95 % bounds {auc.low:+.3f} and {auc.high:+.3f}"
    if auc.high < -limit.auc_fall or (auc.value <= -limit.auc_fall_bound and auc.high < 0):
        return Criterion("failed", f"{change}: it falls by more than {limit.auc_fall:g}")
    change += f": a fall by {limit.auc_fall_bound:g} is not excluded"
    if auc.value >= -limit.auc_fall:
        return Criterion(
            "unproven",
            change,
            _images_for_bound(images, auc.value - auc.low, auc.value + limit.auc_fall_bound),
        )
    return Criterion(
        "unproven", change, _images_for_bound(images, auc.high - auc.value, -limit.auc_fall - auc.value)
    )


def _log_loss(
    images: PairedScores, limit: Tolerance, auc: OneSided | None, log_loss: OneSided
) -> Criterion | None:
    most = limit.log_loss_rise
    if most is None:
        return None
    if log_loss.low is None or log_loss.high is None:
        return Criterion(
            "unproven", "there is only one validation image, so that the log-loss has no confidence bounds"
        )
    if log_loss.high < most:
        return Criterion("passed")
    bounds = f"one-sided 95 % bounds {log_loss.low:+.3f} and {log_loss.high:+.3f}"
    change = f"log-loss changes by {log_loss.value:+.3f}, {bounds}"
    if log_loss.value >= most and log_loss.low > 0:
        return Criterion("failed", f"{change}: it rises by more than {most:g}")
    change += f": a rise by {most:g} is not excluded"
    if log_loss.value < most:
        return Criterion(
            "unproven",
            change,
            _images_for_bound(images, log_loss.high - log_loss.value, most - log_loss.value),
        )
    return Criterion(
        "unproven", change, _images_for_bound(images, log_loss.value - log_loss.low, log_loss.value)
    )


def _verdict_agreement(
    images: PairedScores, limit: Tolerance, auc: OneSided | None, log_loss: OneSided
) -> Criterion | None:
    if limit.agreement is None:
        return None
    return agreement(images, limit.agreement, "the float model")


def agreement(images: PairedScores, least: float, reference: str) -> Criterion:
    """Whether a share of `least` or more of the clear verdicts agrees with those of `reference`.

    Failed where a binomial test rejects an agreement of `least` at 5 %: one of 40 images that differs is not enough.
    """
    clear = int(images.clear.sum())
    differ = clear - int(images.same[images.clear].sum())
    if not clear:
        return Criterion("unproven", "no image has a clear verdict, so that verdicts cannot be compared")
    if differ <= (1 - least) * clear + _ROUNDING:
        return Criterion("passed")
    change = f"{differ} of {clear} clear verdicts differ from {reference}"
    if _binomial_tail(differ, clear, 1 - least) < _SIGNIFICANCE:
        return Criterion("failed", f"{change}: fewer than {least:.1%} agree")
    change += f": too few images to show whether {least:.1%} agree"
    return Criterion("unproven", change, _images_for_agreement(images, differ, clear, least))


_CRITERIA: tuple[Callable[[PairedScores, Tolerance, OneSided | None, OneSided], Criterion | None], ...] = (
    _probabilities,
    _auc,
    _log_loss,
    _verdict_agreement,
)


def sign_test(kept: Bools, others: Bools, pictures: Integers, what: str) -> Criterion:
    """Whether an artifact keeps as many verdicts as another, by a sign test, one-sided.

    Changes of one picture are no independent trials: each picture counts once, for the one that keeps more of its
    verdicts. Where each picture is there once this is McNemar's exact test.

    Args:
        kept, others: whether each image has the float model's verdict, (n,), of the artifact and of the other.
        pictures: number of the picture that each image is made from, (n,).
        what: name of the images.
    """
    gained = np.bincount(pictures, weights=kept.astype(np.int64) - others.astype(np.int64))
    better, worse = int((gained > 0).sum()), int((gained < 0).sum())
    fewer = gained.sum() < 0 and worse > better
    if fewer and _binomial_tail(worse, better + worse, 0.5) < _SIGNIFICANCE:
        return Criterion(
            "failed",
            f"on {what} {kept.mean():.1%} of clear verdicts agree with the float model, "
            f"and {others.mean():.1%} with the format's own calibration",
        )
    return Criterion("passed")


def _binomial_tail(seen: int, of: int, share: float) -> float:
    """The probability of at least `seen` of `of` events that have probability `share` each."""
    from scipy.stats import binom

    return float(binom.sf(seen - 1, of, share))


def _images_for_agreement(images: PairedScores, differ: int, clear: int, least: float) -> int:
    """Number of images of which `differ` would keep the limit `least`."""
    return math.ceil(len(images) / clear * differ / (1 - least) - _ROUNDING)


def _images_for_bound(images: PairedScores, half_width: float, distance: float) -> int | None:
    """Number of images that narrow `half_width` to `distance`; it is proportional to 1 / sqrt(n)."""
    if distance <= 0:
        return None
    needed = math.ceil(len(images) * (half_width / distance) ** 2)
    return needed if needed <= _MAX_IMAGES else None


def _auc_change(images: PairedScores) -> OneSided | None:
    """The change of the AUC. With more than two classes, the worst change of any class against the others."""
    sets = [(images.positive, images.reference_score, images.score)]
    if images.reference.shape[1] > 2:
        columns = range(images.reference.shape[1])
        sets += [(images.truth == c, images.reference[:, c], images.outputs[:, c]) for c in columns]
    found = [
        auc
        for positive, before, after in sets
        if (auc := paired_auc(positive, before, after, images.subjects)) is not None
    ]
    return min(found, key=lambda each: each.value if each.low is None else each.low) if found else None


def _log_loss_change(images: PairedScores) -> OneSided:
    change = log_losses(images.outputs, images.truth) - log_losses(images.reference, images.truth)
    return paired_mean(change, images.positive, images.subjects)


def _class_figures(images: PairedScores) -> dict[str, float]:
    """With more than two classes: share of equal classes, largest difference, and the largest mean of a class."""
    if images.reference.shape[1] < 3:
        return {}
    difference = np.abs(images.outputs - images.reference)
    return {
        "class_agreement": float(np.mean(images.outputs.argmax(axis=1) == images.reference.argmax(axis=1))),
        "class_max_abs_diff": float(difference.max()),
        "class_mean_abs_diff": float(difference.mean(axis=0).max()),
    }
