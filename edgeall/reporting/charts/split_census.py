"""Which images trained, chose and tested a run: images and subjects by part and class."""

from collections import Counter
from dataclasses import dataclass

from matplotlib.axes import Axes

from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import TEXT, Drawing, chart_name, drawing, printable, series
from edgeall.reporting.charts.run_folder import Gap, RunFolder
from edgeall.reporting.results_table import SideTable
from edgeall.results.accuracy import split_in_words
from edgeall.runs import PARTS, Run

TITLE = "Data and split"
_NAMES = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Census:
    """Of a class in a part. `subjects` is None where a subject is not known."""

    part: str
    label: str
    images: int
    subjects: int | None


def split_census(run: RunFolder) -> Chart:
    """Images and subjects by part and class, as the run's split has them."""
    name, title = chart_name("split", run.name), f"{TITLE}: {run.name}"
    if isinstance(run.run, Gap):
        return missing(name, title, f"No split of {run.name}: {run.run.why}.")
    rows = census(run.run)
    if not any(row.images for row in rows):
        return missing(name, title, f"No split of {run.name}: nobody knows which images trained it.")
    labels = run.run.decision.labels
    most = max(row.images for row in rows)
    with drawing(name, 70 + len(PARTS) * (46 + 34 * len(labels))) as canvas:
        grid = canvas.figure.subplots(len(PARTS), 1, sharex=True)
        for axes, part in zip(grid, PARTS, strict=True):
            _draw(canvas, axes, [row for row in rows if row.part == part], most)
        grid[-1].set_xlabel("images")
        return canvas.chart(title, _description(run.run, rows), _table(title, rows))


def census(run: Run) -> tuple[Census, ...]:
    """By part, then class in the order of the labels."""
    rows = []
    for part in PARTS:
        members = run.split.part(part)
        counts = Counter(member.label for member in members)
        for label in run.decision.labels:
            subjects = {member.subject for member in members if member.label == label}
            rows.append(Census(part, label, counts[label], None if None in subjects else len(subjects)))
    return tuple(rows)


def _draw(canvas: Drawing, axes: Axes, rows: list[Census], most: int) -> None:
    axes.set_xlim(0, most * 1.42)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [printable(row.label, 16) for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_title(_NAMES[rows[0].part], fontsize=TEXT, weight="bold")
    for index, row in enumerate(rows):
        colour = series(index)[0].drawn
        (bar,) = axes.barh(index, row.images, height=0.66, color=colour, alpha=0.55, edgecolor=colour, lw=1.4)
        text = f"{row.images:,}" + ("" if row.subjects is None else f" of {row.subjects:,} subj.")
        axes.text(row.images + most * 0.02, index, text, va="center", fontsize=TEXT - 1)
        subjects = "subjects not known" if row.subjects is None else f"{row.subjects} subjects"
        canvas.mark(bar, f"{_NAMES[row.part]}, {row.label}: {row.images} images, {subjects}", part=row.part,
                    label=row.label, x=row.images, subjects=row.subjects)  # fmt: skip


def _description(run: Run, rows: tuple[Census, ...]) -> str:
    told = "; ".join(
        f"{_NAMES[part]} {sum(row.images for row in rows if row.part == part):,} images{_subjects(run, part)}"
        for part in PARTS
    )
    alone = [f"{row.label} in {_NAMES[row.part]}" for row in rows if row.subjects == 1]
    return f"{split_in_words(run.split.grouped_by).capitalize()}: {told}." + (
        f" Of one subject alone: {', '.join(alone)}." if alone else ""
    )


def _subjects(run: Run, part: str) -> str:
    subjects = {member.subject for member in run.split.part(part)}
    return "" if None in subjects or not subjects else f" of {len(subjects):,} subjects"


def _table(title: str, rows: tuple[Census, ...]) -> SideTable:
    cells = tuple(
        (
            _NAMES[row.part],
            row.label,
            f"{row.images:,}",
            "not known" if row.subjects is None else f"{row.subjects:,}",
        )
        for row in rows
    )
    return SideTable(title, ("part", "class", "images", "subjects"), (2, 3), cells, ())
