"""Accuracy on corrupted pictures: a row an artifact, and for Markdown a row an artifact and corruption."""

from collections.abc import Iterable, Iterator

from edgeall import formatting
from edgeall.recommending.measured import artifacts
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.results.corruptions import MOST_REFUSED, CorruptionPoint, Corruptions

HEADING = "On corrupted pictures"
COLUMNS = (
    *("artifact", "unchanged % [95%]", "lowest % [95%]", "at", "refused"),
    *("loss shown", "not refused"),
)
NUMERIC = (1, 2, 4, 5, 6)
"""Columns that hold figures, by place."""

EVERY_HEADING = "Accuracy by corruption and strength"
SHOWN = "↓"


def corruptions(bench: Bench) -> SideTable:
    """The short table of a device; without rows where no corruptions were measured."""
    rows = []
    for result, found in _measured(bench):
        worst = found.worst
        if worst is None:
            continue
        lost = [point for point in found.points if point.loss]
        rows.append(
            (
                bench.label(result),
                formatting.percent_interval(found.unchanged.accuracy),
                formatting.percent_interval(worst.accuracy),
                worst.change,
                _refused(found.unchanged, worst),
                f"{len(lost)} of {len(found.points)}",
                f"{len(found.unnoticed)} of {len(lost)}" if lost else formatting.UNKNOWN,
            )
        )
    return SideTable(HEADING, COLUMNS, NUMERIC, tuple(rows), tuple(_notes(bench)) if rows else ())


def every_corruption(bench: Bench) -> SideTable:
    """The whole table: accuracy, mark and refused images at each strength."""
    rows: list[tuple[str, ...]] = []
    strengths = sorted({point.strength for _, found in _measured(bench) for point in found.points})
    for result, found in _measured(bench):
        points = {(point.corruption, point.strength): point for point in found.points}
        for corruption in dict.fromkeys(point.corruption for point in found.points):
            cells = [
                _cell(points[corruption, strength])
                if (corruption, strength) in points
                else formatting.UNKNOWN
                for strength in strengths
            ]
            rows.append((bench.label(result), corruption, _cell(found.unchanged), *cells))
    columns = ("artifact", "corruption", "unchanged", *map(str, strengths))
    notes = [
        f"accuracy in %, and in parentheses how many of the images the domain check refuses; {SHOWN}: accuracy or AUC "
        "is shown to be lower than on the unchanged images."
    ]
    return SideTable(EVERY_HEADING, columns, tuple(range(2, len(columns))), tuple(rows), tuple(notes))


def ranges(points: Iterable[CorruptionPoint]) -> list[str]:
    """Corruptions with the strengths of some points: "noise 2-5", "stain 1 and 4"."""
    strengths: dict[str, list[int]] = {}
    for point in points:
        strengths.setdefault(point.corruption, []).append(point.strength)
    return [f"{name} {_range(sorted(found))}" for name, found in strengths.items()]


def _range(strengths: list[int]) -> str:
    if len(strengths) > 2 and strengths[-1] - strengths[0] == len(strengths) - 1:
        return f"{strengths[0]}-{strengths[-1]}"
    return formatting.listed([str(strength) for strength in strengths])


def _measured(bench: Bench) -> list[tuple[Result, Corruptions]]:
    return [(result, result.corruptions) for result in artifacts(bench) if result.corruptions is not None]


def _not_shown(measured: list[tuple[Result, Corruptions]]) -> Iterator[str]:
    """What so few subjects or images cannot show."""
    few = sorted({found.clusters or found.unchanged.n for _, found in measured if found.too_few})
    kind = "subjects" if any(found.clusters for _, found in measured) else "images"
    if few:
        yield f"{formatting.listed([str(n) for n in few], 'or')} {kind} cannot show a loss of accuracy, however large."
    points = [point for _, found in measured for point in found.every]
    if any(point.accuracy.low is None for point in points):
        yield f"A value without [95%]: no interval can be shown with so few {kind}."


def _refused(unchanged: CorruptionPoint, worst: CorruptionPoint) -> str:
    if worst.refused is None or unchanged.refused is None:
        return formatting.UNKNOWN
    return f"{unchanged.refused} → {worst.refused} of {worst.n}"


def _cell(point: CorruptionPoint) -> str:
    refused = formatting.UNKNOWN if point.refused is None else str(point.refused)
    return f"{formatting.percent(point.accuracy.value)}{SHOWN if point.loss else ''} ({refused})"


def _notes(bench: Bench) -> list[str]:
    measured = _measured(bench)
    images = sorted({found.unchanged.n for _, found in measured})
    several = f"{formatting.listed([str(n) for n in images], 'or')} test images"
    subjects = sorted({found.clusters for _, found in measured if found.clusters is not None})
    of = f" of {formatting.listed([str(n) for n in subjects], 'or')} subjects" if subjects else ""
    return [
        *_not_shown(measured),
        f"{several}{of}, each after eight corruptions at five strengths; unchanged: the same images as they are.",
        "refused: by the domain check, unchanged → at the lowest accuracy.",
        "loss shown: corruptions and strengths at which accuracy or AUC is shown to be lower (paired tests, Holm). "
        f"not refused: those of them whose pictures the domain check refuses less than {MOST_REFUSED:.0%} of.",
    ]
