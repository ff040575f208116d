"""Which figures of a bench result go on cards, and how each is written: never without its n and interval."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgeall import formatting
from edgeall.results import Result
from edgeall.statistics import Estimate, ratio_over_rounds


@dataclass(frozen=True)
class Metric:
    """A figure that cards show.

    Attributes:
        key: of `Result`, and of `Result.intervals`.
        name: for people.
        hub: the name that Hugging Face's `evaluate` has for it.
        estimate: over subjects where they are known.
        images: the number of images that it is a share of.
    """

    key: str
    name: str
    hub: str
    estimate: Callable[[Result], Estimate | None]
    images: Callable[[Result], int]


def _cells(*names: str) -> Callable[[Result], int]:
    """Sum of cells of the confusion matrix; all images where it is not there."""
    return lambda result: (
        result.n if result.confusion is None else sum(result.confusion[name] for name in names)
    )


def _all(result: Result) -> int:
    return result.n


METRICS = (
    Metric("accuracy", "Accuracy", "accuracy", lambda r: r.accuracy_shown, _all),
    Metric(
        "sensitivity", "Sensitivity", "recall",
        lambda r: r.sensitivity_over_subjects or r.sensitivity, _cells("tp", "fn"),
    ),
    Metric(
        "specificity", "Specificity", "specificity",
        lambda r: r.specificity_over_subjects or r.specificity, _cells("tn", "fp"),
    ),
    Metric("ppv", "Positive predictive value", "precision", lambda r: r.ppv, _cells("tp", "fp")),
    Metric("f1", "F1", "f1", lambda r: r.f1, _all),
    Metric("auc", "Area under the ROC curve", "roc_auc", lambda r: r.auc, _all),
    Metric("average_precision", "Average precision", "average_precision", lambda r: r.average_precision, _all),
    Metric("mcc", "Matthews correlation", "matthews_correlation", lambda r: r.mcc, _all),
    Metric("brier", "Brier score", "brier_score", lambda r: r.brier, _all),
)  # fmt: skip


def interval_words(result: Result, metric: Metric) -> str:
    """ "0.701 to 0.983"; without ends the reason, as bench says it: "no interval: one subject"."""
    found = metric.estimate(result)
    if found is not None and found.low is not None and found.high is not None:
        return f"{shown(found.low)} to {shown(found.high)}"
    words = (result.intervals or {}).get(metric.key, "")
    return words if words.startswith("no interval") else "no interval: the data give none"


def on_images(result: Result, metric: Metric) -> str:
    """ "18 images; the test set has 36 of 3 subjects"."""
    n, whole = metric.images(result), f"{result.n}{of_subjects(result)}"
    return f"{images(n)}{of_subjects(result)}" if n == result.n else f"{images(n)}; the test set has {whole}"


def images(n: int) -> str:
    return "1 image" if n == 1 else f"{n} images"


def of_subjects(result: Result) -> str:
    """ " of 3 subjects"; " of subjects that are not known"."""
    if result.clusters is None:
        return " of subjects that are not known"
    return " of 1 subject" if result.clusters == 1 else f" of {result.clusters} subjects"


def rounded(value: float) -> float:
    """To four decimals, which is below what any test set here resolves."""
    return round(value, 4)


def shown(value: float) -> str:
    return f"{value:.3f}"


def latency(result: Result, emulated: bool) -> Estimate | None:
    """Measured median of the model's time in ms, with a t-interval over the medians of rounds; None where none.

    An emulator's clock is no latency. Ends are None with fewer than two rounds.
    """
    timings = result.latency_ms
    if emulated or result.latency_kind != "measured" or timings is None or timings.p50 is None:
        return None
    medians = list(timings.by_round.values())
    spread = ratio_over_rounds(medians, [1.0] * len(medians))
    if spread is None or spread.low is None or spread.high is None:
        return Estimate(timings.p50, None, None, "no interval: fewer than two rounds")
    low, high = min(timings.p50, spread.low), max(timings.p50, spread.high)
    return Estimate(timings.p50, low, high, f"t-interval over {len(medians)} rounds")


def latency_kind(result: Result, emulated: bool) -> str:
    """ "measured", "estimated", "emulated" or "none"."""
    if result.latency_estimate is not None and result.latency_estimate.latency_ms is not None:
        return "estimated"
    if emulated or result.latency_kind == "emulated":
        return "emulated"
    return result.latency_kind if result.latency_ms is not None else "none"


def latency_words(result: Result, emulated: bool) -> str:
    """ "10.1 [9.8–10.4] ms, 5 rounds, 80 runs"; of an estimate its range; else why there is none."""
    found, timings = latency(result, emulated), result.latency_ms
    if found is not None and timings is not None:
        written = formatting.interval(found, formatting.significant)
        missing = "" if found.low is not None else " (no interval: fewer than two rounds)"
        noisy = ", noisy" if result.noisy else ""
        return f"{written} ms{missing}, {len(timings.by_round)} rounds, {timings.n} runs{noisy}"
    estimate = result.latency_estimate
    if estimate is not None and estimate.latency_ms is not None:
        ends = estimate.latency_ms
        return f"≈ {formatting.significant(ends.low)}–{formatting.significant(ends.high)} ms, estimated"
    unknown = emulated or result.latency_kind == "emulated"
    return "not known (an emulator ran it)" if unknown else "not measured"


def decimals(value: float) -> str:
    """A number as text with at most four decimals."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no figure")
    return f"{rounded(value):g}"
