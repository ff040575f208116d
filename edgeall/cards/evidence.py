"""What cards say of how good an artifact is, in plain sentences without markup. None: not known.

Each figure has its number of images and its interval, or why it has none.
"""

from edgeall.cards.facts import Facts
from edgeall.cards.figures import (
    METRICS,
    Metric,
    images,
    interval_words,
    latency_kind,
    latency_words,
    on_images,
    shown,
)
from edgeall.formatting import listed, megabytes, threads
from edgeall.results import Bench, Result
from edgeall.results.accuracy import split_in_words
from edgeall.statistics import Estimate
from edgeall.wilson import wilson


def measures() -> str:
    names = ", ".join(metric.name for metric in METRICS)
    return (
        f"On held-out test images: {names}; confusion matrix; latency, memory and size on each device. Intervals are "
        "95 % and count subjects where they are known."
    )


def statistics() -> str:
    return (
        "95 % intervals over subjects where they are known, else over images; paired tests on common images (sign-flip "
        "over subjects or McNemar, DeLong); each figure names its method in the bench result."
    )


def figures(facts: Facts) -> str | None:
    """Every figure of every device in one text; the Keras model's where no device was measured."""
    told = []
    for bench, result in facts.tested:
        parts = [words for metric in METRICS if (words := _figure(result, metric)) is not None]
        told.append(
            f"On {bench.device} ({result.engine}), {result.n} test images{_subjects(result)}, "
            f"{split_in_words(result.split_by)}: {'; '.join(parts)}."
        )
    if told:
        return " ".join(told)
    return keras_figures(facts)


_DIAGNOSTIC = [metric for metric in METRICS if metric.key in ("sensitivity", "specificity", "auc")]


def accuracy(facts: Facts) -> str | None:
    """Sensitivity, specificity and AUC alone."""
    told = []
    for bench, result in facts.tested:
        parts = [words for metric in _DIAGNOSTIC if (words := _figure(result, metric)) is not None]
        told.append(f"On {bench.device}: {'; '.join(parts)}.")
    return " ".join(told) if told else keras_figures(facts)


def keras_figures(facts: Facts) -> str | None:
    """Of the Keras model on test images, as the artifact carries them."""
    test = facts.metadata.test
    if test is None:
        return None
    return f"Of the Keras model, not of this file: {test.in_words}."


def beside_the_verdict(result: Result) -> tuple[str, ...]:
    """Figures of a referral band, and of the most probable class, where there are any."""
    told = []
    band = result.referral
    if band is not None:
        told.append(
            f"With the referral band from {band.low:.3f} to {band.high:.3f}, {_ends(band.referred)} of "
            f"{images(result.n)} are referred; of the others, sensitivity is {_ends(band.answered_sensitivity)} and "
            f"specificity {_ends(band.answered_specificity)}."
        )
    classes = result.classes
    if classes is not None:
        told.append(
            f"The most probable of {len(classes.labels)} classes is right for {_ends(classes.accuracy)} of "
            f"{images(result.n)}."
        )
    return tuple(told)


def _ends(found: Estimate | None) -> str:
    if found is None:
        return "not known"
    if found.low is None or found.high is None:
        return f"{shown(found.value)} (no interval)"
    return f"{shown(found.value)} ({shown(found.low)} to {shown(found.high)})"


def _figure(result: Result, metric: Metric) -> str | None:
    estimate = metric.estimate(result)
    if estimate is None:
        return None
    ends = interval_words(result, metric)
    return f"{metric.name} {shown(estimate.value)} ({ends}; {on_images(result, metric)})"


def _subjects(result: Result) -> str:
    return "" if result.clusters is None else f" of {result.clusters} subjects"


def costs(bench: Bench, result: Result) -> tuple[str, ...]:
    """Cells: device, machine, engine, threads, latency, what kind, memory, size."""
    memory = "not measured" if result.peak_rss_bytes is None else f"{megabytes(result.peak_rss_bytes)} MB"
    return (
        bench.device,
        bench.machine or "not known",
        str(result.engine),
        threads(result.threads),
        latency_words(result, bench.emulated),
        latency_kind(result, bench.emulated),
        memory,
        f"{megabytes(result.size_bytes)} MB",
    )


COSTS = ("device", "machine", "engine", "threads", "latency p50", "kind", "peak memory", "size")
"""Headings of `costs`."""


def test_counts(facts: Facts) -> str | None:
    """How many images and subjects the figures rest on."""
    test = facts.metadata.test
    if facts.tested:
        told = dict.fromkeys(f"{result.n} test images{_subjects(result)}" for _, result in facts.tested)
        return f"{listed(list(told), 'or')}."
    if test is not None:
        people = "subjects not known" if test.subjects is None else f"{test.subjects} subjects"
        return f"{test.images} test images, {people} (of the Keras model)."
    return None


def unreadable(facts: Facts) -> str | None:
    if not facts.tested:
        return None
    left_out = {name for _, result in facts.tested for name in result.unreadable or {}}
    if not left_out:
        return "Every test image was read; no value is imputed."
    return f"{len(left_out)} test images could not be read and were left out; no value is imputed."


def robustness(facts: Facts) -> str | None:
    parity = facts.metadata.parity
    told = []
    if parity is not None and parity.noise is not None:
        told.append(
            f"Mean change of the float model's score on {parity.n} validation images: {parity.noise.grey_level:.4f} "
            f"for one grey level, {parity.noise.one_pixel:.4f} for a shift by one pixel, {parity.noise.jpeg_95:.4f} "
            "for JPEG of quality 95 (no interval)."
        )
    shifts = [
        f"{each.name} {_share(each.agreement, each.n)}"
        for each in (parity.shifts if parity is not None else ())
        if each.agreement is not None
    ]
    if shifts:
        told.append(f"Clear verdicts kept on changed validation images: {', '.join(shifts)}.")
    return " ".join(told) or None


def parity_figures(facts: Facts) -> str | None:
    """What the parity gate rests on: differences with their bounds, and equal verdicts."""
    parity = facts.metadata.parity
    if parity is None:
        return None
    told = [f"Verdicts equal to the Keras model's: {_share(parity.agreement, parity.n)}"]
    for name, value, low, high in (
        ("AUC", parity.auc_delta, parity.auc_delta_low, parity.auc_delta_high),
        ("log-loss", parity.log_loss_delta, parity.log_loss_delta_low, parity.log_loss_delta_high),
    ):
        if value is not None and low is not None and high is not None:
            told.append(f"{name} {value:+.3f} (one-sided 95 % bounds {low:+.3f} and {high:+.3f})")
    over = "" if parity.over is None else f", bounds over {parity.over}"
    return f"{'; '.join(told)}. On {parity.n} validation images{over}; methods and threshold were chosen on them too."


def engine_differences(facts: Facts) -> str | None:
    """Agreement with the float32 file of the same run, on each device."""
    told = []
    for bench, result in facts.tested:
        found = result.vs_float
        if found is None:
            continue
        ends = found.agreement_interval
        known = ends is not None and ends.low is not None and ends.high is not None
        interval = f"{ends.low:.3f} to {ends.high:.3f}" if known and ends is not None else "no interval"
        told.append(
            f"Verdicts equal to those of the float32 file on {bench.device}: {found.agreement:.3f} ({interval}; "
            f"{result.n} test images)."
        )
    return " ".join(told) or None


def confusions(facts: Facts) -> str | None:
    """Counts of right and wrong verdicts on each device."""
    told = []
    for bench, result in facts.tested:
        if result.confusion is None:
            continue
        of = result.confusion
        told.append(
            f"On {bench.device}: {of['fn']} of {of['tp'] + of['fn']} positive images are missed, {of['fp']} of "
            f"{of['tn'] + of['fp']} negative ones are called positive."
        )
    return " ".join(told) or None


def _share(value: float, n: int) -> str:
    """With Wilson's interval: "0.963 (0.817 to 0.993 over 27 images)"."""
    low, high = wilson(value, n)
    return f"{value:.3f} ({low:.3f} to {high:.3f} over {images(n)})"
