"""Whether scores mean what they say: the share of positives at each score."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import MUTED, Drawing, chart_name, drawing, percent_axis, share_text
from edgeall.reporting.charts.grouping import Alike, alike, families, look, without_scores
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.statistics import ECE_BINS, Estimate, clusters, share

TITLE = "Reliability diagram"


@dataclass(frozen=True)
class Bin:
    """Images whose scores lie in one of `ECE_BINS` equal intervals.

    Attributes:
        score: their mean score.
        positives: their share of positives.
    """

    index: int
    count: int
    score: float
    positives: Estimate


def reliability(bench: Bench) -> tuple[Chart, ...]:
    """One chart a family: share of positives against mean score, number of images below.

    Of several ways that the artifacts of a precision answer, the one with the largest calibration error is drawn.
    """
    name = chart_name("reliability", bench.device, bench.machine, bench.emulated)
    found = families(bench)
    if not found:
        return (missing(name, TITLE, "No reliability diagram: there are no results."),)
    return tuple(
        _of_family(f"{name}-{index}", family, results)
        for index, (family, results) in enumerate(found.items())
    )


def bins(result: Result) -> tuple[Bin, ...]:
    """The bins of the expected calibration error that hold images, by score.

    The interval of a share is Wilson's over images, Korn and Graubard's over subjects where these are known; without
    ends where the images of a bin are of one subject.
    """
    recorded = result.predictions
    assert recorded is not None
    assert recorded.scores is not None
    scores, positive = np.asarray(recorded.scores), np.asarray(recorded.truth, dtype=bool)
    cluster = clusters(recorded.subjects, len(scores))
    place = np.clip((scores * ECE_BINS).astype(np.int64), 0, ECE_BINS - 1)
    found = []
    for index in range(ECE_BINS):
        those = place == index
        positives = share(positive, cluster, those)
        if positives is not None:
            found.append(Bin(index, int(those.sum()), float(scores[those].mean()), positives))
    return tuple(found)


def _of_family(name: str, family: str, results: list[Result]) -> Chart:
    title = f"{TITLE}: {family}"
    groups = alike(results)
    if not groups:
        return missing(name, title, f"No reliability diagram of {family}: no scores are recorded.")
    shown = [
        max((g for g in groups if g.first.precision == precision), key=lambda g: g.first.ece or 0.0)
        for precision in dict.fromkeys(group.first.precision for group in groups)
    ]
    drawn = [(group, bins(group.first)) for group in shown]
    with drawing(name, 640 + 25 * len(drawn)) as canvas:
        axes, counts = canvas.figure.subplots(2, 1, height_ratios=(3.4, 1), sharex=True)
        percent_axis(axes, "y", -0.02, 1.02)
        percent_axis(axes, "x", -0.02, 1.02)
        axes.plot([0, 1], [0, 1], color=MUTED.drawn, lw=1.2, ls=(0, (2, 3)))
        axes.set_ylabel("positives in %")
        counts.set_ylabel("images")
        counts.set_xlabel("score, in %")
        for place, (group, found) in enumerate(drawn):
            _draw(canvas, axes, counts, group, found, (place + 0.5) / len(drawn))
        counts.set_ylim(0)
        canvas.legend([_handle(group) for group, _ in drawn], columns=1)
        return canvas.chart(title, _description(family, results, groups, drawn), _table(title, drawn))


def _draw(
    canvas: Drawing, axes: Axes, counts: Axes, group: Alike, found: tuple[Bin, ...], side: float
) -> None:
    of, first = look(group.first.precision), group.first
    colour = of.colour.drawn
    axes.plot(
        [b.score for b in found],
        [b.positives.value for b in found],
        color=colour,
        ls=of.dashes,
        lw=1.4,
        alpha=0.6,
    )
    for each in found:
        low, high = each.positives.low, each.positives.high
        if low is not None and high is not None:
            axes.plot([each.score] * 2, [low, high], color=colour, lw=1.6, alpha=0.5)
        (dot,) = axes.plot(
            each.score, each.positives.value, of.marker, color=colour, ms=9, mew=2, fillstyle=of.fill
        )
        canvas.mark(
            dot,
            f"{of.word}, scores {100 * each.index / ECE_BINS:.0f}–{100 * (each.index + 1) / ECE_BINS:.0f}%: "
            f"{each.count} images, mean score {formatting.percent(each.score)}%, positives "
            f"{share_text(each.positives.value, low, high)}",
            artifact=first.artifact,
            bin=each.index,
            n=each.count,
            x=each.score,
            y=each.positives.value,
            y_low=low,
            y_high=high,
        )
        width = 0.84 / ECE_BINS
        left = each.index / ECE_BINS + 0.08 / ECE_BINS + width * (side - 0.5 / _parts(side))
        counts.bar(left, each.count, width / _parts(side), align="edge", color=colour,
                   alpha=0.85 if of.fill == "full" else 0.35, edgecolor=colour, lw=1.2)  # fmt: skip


def _parts(side: float) -> int:
    """How many series share a bin, from the middle of the first half, third and so on."""
    return {0.5: 1, 0.25: 2, 0.75: 2}.get(side, 3)


def _handle(group: Alike) -> Line2D:
    of = look(group.first.precision)
    return Line2D([], [], color=of.colour.drawn, ls=of.dashes, marker=of.marker, fillstyle=of.fill, mew=2, ms=8,
                  label=f"{group.label}: ECE {_ece(group.first)}")  # fmt: skip


def _ece(result: Result) -> str:
    return formatting.UNKNOWN if result.ece is None else f"{result.ece:.3f}"


def _description(
    family: str, results: list[Result], groups: list[Alike], drawn: list[tuple[Alike, tuple[Bin, ...]]]
) -> str:
    errors = formatting.listed([f"{group.label} {_ece(group.first)}" for group, _ in drawn])
    over = any("subject" in b.positives.method for _, found in drawn for b in found)
    how = "Korn and Graubard over subjects" if over else "Wilson over images"
    bare = sum(b.positives.low is None for _, found in drawn for b in found)
    parts = [
        f"Share of positives among images of {family} by their score, in {ECE_BINS} bins, with 95% intervals ({how}); "
        f"on the dotted line scores are right. Expected calibration error: {errors}.",
        "Of formats that answer differently the one with the largest error is drawn."
        if len(groups) > len(drawn)
        else "",
        f"{bare} points have no interval: their images are of one subject." if bare else "",
        without_scores(results),
    ]
    return " ".join(filter(None, parts))


def _table(title: str, drawn: list[tuple[Alike, tuple[Bin, ...]]]) -> SideTable:
    rows = tuple(
        (
            look(group.first.precision).word,
            f"{100 * b.index / ECE_BINS:.0f}–{100 * (b.index + 1) / ECE_BINS:.0f}",
            str(b.count),
            formatting.percent(b.score),
            formatting.percent_interval(b.positives),
        )
        for group, found in drawn
        for b in found
    )
    return SideTable(
        title, ("artifact", "score %", "images", "mean score %", "positives % [95%]"), (1, 2, 3, 4), rows, ()
    )
