"""Whom INT8 harms: the share of each subject's images that float32 and INT8 have right."""

from collections import Counter
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import (
    MUTED,
    TEXT,
    Drawing,
    chart_name,
    drawing,
    percent_axis,
    printable,
)
from edgeall.reporting.charts.grouping import format_name, look, pairs, same_images
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.wilson import wilson

TITLE = "INT8 against float32, subject by subject"
MOST = 12
"""Subjects that a chart shows, the worst first."""


@dataclass(frozen=True)
class SubjectChange:
    """Of one subject: number of images, and how many float32 and INT8 have right."""

    subject: str
    images: int
    float32: int
    int8: int

    @property
    def change(self) -> float:
        """Of the share right; negative where INT8 is worse."""
        return (self.int8 - self.float32) / self.images


_Harm = tuple[Result, tuple[SubjectChange, ...]]
"""An INT8 artifact with the changes of subjects, the largest loss first."""


def subject_harm(bench: Bench) -> tuple[Chart, ...]:
    """One chart a family: of its INT8 artifacts the one whose worst subject loses most; that subject is named."""
    name = chart_name("subject-harm", bench.device, bench.machine, bench.emulated)
    found: dict[str, list[_Harm]] = {}
    without: dict[str, list[str]] = {}
    for float32, int8 in pairs(bench):
        changes = subject_changes(float32, int8)
        if isinstance(changes, str):
            without.setdefault(changes, []).append(bench.name(int8))
        else:
            found.setdefault(bench.family(int8), []).append((int8, changes))
    charts = [_chart(f"{name}-{index}", family, harms) for index, (family, harms) in enumerate(found.items())]
    charts += [
        missing(f"{name}-gap-{index}", TITLE, f"{formatting.listed(names)}: {why}.")
        for index, (why, names) in enumerate(without.items())
    ]
    return tuple(charts) or (missing(name, TITLE, "No INT8 artifact was measured beside its float32."),)


def subject_changes(float32: Result, int8: Result) -> tuple[SubjectChange, ...] | str:
    """By subject, the largest loss first, or in words why it is not known."""
    a, b = float32.predictions, int8.predictions
    if a is None or b is None:
        return "predictions are not recorded"
    if a.subjects is None or None in a.subjects:
        return "the subjects of the test images are not known"
    rows = same_images(a, b)
    if rows is None:
        return "INT8 and float32 were not scored on the same images"
    subjects = [str(subject) for subject in a.subjects]
    images = Counter(subjects)
    right = Counter(subjects[i] for i, _ in rows if a.positive[i] == a.truth[i])
    right_int8 = Counter(subjects[i] for i, j in rows if b.positive[j] == b.truth[j])
    changes = [SubjectChange(name, images[name], right[name], right_int8[name]) for name in images]
    return tuple(sorted(changes, key=lambda c: (c.change, -c.images, c.subject)))


def _chart(name: str, family: str, harms: list[_Harm]) -> Chart:
    result, changes = min(harms, key=lambda harm: [change.change for change in harm[1]])
    title = f"{TITLE}: {family} {format_name(result)}"
    shown = changes[:MOST]
    with drawing(name, 130 + 40 * len(shown)) as canvas:
        axes = canvas.figure.subplots()
        percent_axis(axes, "x", -0.03, 1.03)
        axes.set_ylim(-len(shown) + 0.4, 0.6)
        labels = [f"{printable(change.subject, 14)} ({change.images})" for change in shown]
        axes.set_yticks([-index for index in range(len(shown))], labels, fontsize=TEXT - 2)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("images with the right verdict in %")
        for index, change in enumerate(shown):
            _draw(canvas, axes, -index, change, result)
        canvas.legend([_handle("float32"), _handle("int8"),
                       Line2D([], [], color=look("int8").colour.drawn, lw=6, alpha=0.25, label="95% of INT8")],
                      columns=3)  # fmt: skip
        return canvas.chart(title, _description(family, result, changes, harms), _table(title, changes))


def _draw(canvas: Drawing, axes: Axes, at: float, change: SubjectChange, result: Result) -> None:
    before, after = change.float32 / change.images, change.int8 / change.images
    low, high = wilson(after, change.images)
    axes.plot([low, high], [at, at], color=look("int8").colour.drawn, lw=6, alpha=0.25, solid_capstyle="butt")
    axes.plot([before, after], [at, at], color=MUTED.drawn, lw=2)
    for precision, value, count in (("float32", before, change.float32), ("int8", after, change.int8)):
        of = look(precision)
        (dot,) = axes.plot(value, at, of.marker, color=of.colour.drawn, ms=13 if precision == "float32" else 7, mew=2.2,
                           fillstyle=of.fill)  # fmt: skip
        canvas.mark(
            dot,
            f"{change.subject}, {of.word}: {count} of {change.images} images right ({formatting.percent(value)}%)",
            artifact=result.artifact,
            subject=change.subject,
            precision=precision,
            n=change.images,
            right=count,
            x=value,
        )


def _handle(precision: str) -> Line2D:
    of = look(precision)
    return Line2D([], [], marker=of.marker, color=of.colour.drawn, linestyle="none", ms=10, mew=2.2,
                  fillstyle=of.fill, label=of.word)  # fmt: skip


def _description(family: str, result: Result, changes: tuple[SubjectChange, ...], harms: list[_Harm]) -> str:
    worst = changes[0]
    losers = sum(change.change < 0 for change in changes)
    winners = sum(change.change > 0 for change in changes)
    if worst.change < 0:
        told = (
            f"The worst subject is {worst.subject}: float32 has {worst.float32} of {worst.images} images right, INT8 "
            f"{worst.int8} ({formatting.points(worst.change)} points). The worst of many is partly so by chance."
        )
    else:
        told = "No subject loses."
    left = len(changes) - min(MOST, len(changes))
    others = [
        f"{format_name(of)} {formatting.points(min(0.0, rows[0].change))}"
        for of, rows in harms
        if of is not result
    ]
    name = f"{family} {format_name(result)}"
    sentences = [
        f"Share of images with the right verdict for each of {len(changes)} subjects, {name}; in brackets the number "
        "of images.",
        told,
        f"INT8 has fewer right in {losers} subjects, more in {winners}, as many in {len(changes) - losers - winners}.",
        f"The {left} subjects that lose least are in the table alone." if left else "",
        f"Change of the worst subject in other formats, in points: {formatting.listed(others)}."
        if others
        else "",
    ]
    return " ".join(filter(None, sentences))


def _table(title: str, changes: tuple[SubjectChange, ...]) -> SideTable:
    rows = tuple(
        (
            change.subject,
            str(change.images),
            str(change.float32),
            str(change.int8),
            formatting.points(change.change),
        )
        for change in changes
    )
    columns = ("subject", "images", "float32 right", "INT8 right", "change in points")
    return SideTable(title, columns, (1, 2, 3, 4), rows, ())
