"""Answers of `classify` as lines of text and JSON."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edgeall.artifact import Decision
from edgeall.cli.display import Display

if TYPE_CHECKING:
    from edgeall.field import Classified, Failed, Outcome, Result, Verdict
    from edgeall.field.counts import Counts, Group
    from edgeall.field.field_answers import FieldAnswer

_NOTHING: Mapping[str, Any] = MappingProxyType({})

_WORDS: "dict[Outcome, str]" = {
    "positive": "positive",
    "negative": "negative",
    "refer": "refer",
    "refuse": "refused",
}


def show(
    result: "Result | Failed", decision: Decision, display: Display, more: Mapping[str, Any] = _NOTHING
) -> None:
    """Print one answer: an error on standard error, anything else as a result.

    Args:
        more: keys for programs.
    """
    from edgeall.field import Classified, Failed

    display.emit({**result.to_dict(), **more}, line=True)
    if isinstance(result, Failed):
        display.error(result.error)
    elif not display.as_json:
        display.show(
            *(_lines(result, decision) if isinstance(result, Classified) else _cell_lines(result, decision))
        )


def _lines(result: "Classified", decision: Decision) -> list[str]:
    return [
        f"{result.path}: {_words(result.verdict, result.doubts, result.threshold, decision)}",
        *_doubts(result.verdict, result.doubts),
        *(f"  note: {note}" for note in result.notes),
    ]


def _cell_lines(result: "FieldAnswer", decision: Decision) -> list[str]:
    """A line for the field, and one for each cell."""
    count = len(result.cells)
    if result.refused:
        notes = (f"  note: {note}" for note in result.notes)
        return [f"{result.path}: refused: {'; '.join(result.quality.reasons)}", *notes]
    lines = [
        f"{result.path}: {count} white {'cell' if count == 1 else 'cells'}: {_by_decision(result.counts)}",
        *([] if result.quality.ok else [f"  doubtful image: {'; '.join(result.quality.reasons)}"]),
        *(f"  note: {note}" for note in result.notes),
    ]
    for number, cell in enumerate(result.cells, 1):
        box = cell.box
        where = f"cell {number} at {box.left}, {box.top}, {box.width} x {box.height}"
        lines.append(f"  {where}: {_words(cell.verdict, cell.doubts, result.threshold, decision)}")
        lines += [f"  {line}" for line in _doubts(cell.verdict, cell.doubts)]
    return lines


def _words(verdict: "Verdict | None", doubts: Sequence[str], threshold: float, decision: Decision) -> str:
    if verdict is None:
        return f"refused: {'; '.join(doubts)}"
    labels = f"label{'s'[: len(decision.positive) - 1]} " + " or ".join(f'"{x}"' for x in decision.positive)
    line = f"probability of {labels} = {verdict.score:.2f} (threshold {threshold:.2f}) {verdict.decision}"
    if len(decision.labels) > 2:
        line += f', label "{verdict.label}" = {verdict.probability:.2f}'
    return line


def _doubts(verdict: "Verdict | None", doubts: Sequence[str]) -> list[str]:
    return [f"  doubtful image: {'; '.join(doubts)}"] if doubts and verdict is not None else []


def summary(counts: "Counts", cells: bool = False) -> str:
    """All answers on one line: "12 inputs: 3 positive, 5 negative, 1 refer, 2 refused, 1 unreadable; 4 files left out".

    Each picture, folder without pictures and name without a file is one input. With `cells`, decisions are on cells.
    """
    found = counts.decisions
    of = " of whole fields" if cells else ""
    line = f"{counts.inputs} {'input' if counts.inputs == 1 else 'inputs'}{of}: {_by_decision(found)}"
    line += f", {counts.unreadable} unreadable"
    files = "file" if counts.left_out == 1 else "files"
    return f"{line}; {counts.left_out} {files} left out" if counts.left_out else line


def show_groups(groups: Sequence["Group"], display: Display) -> None:
    """Print the counts of each folder or person, as results."""
    for group in groups:
        display.emit(group.to_dict(), line=True)
        if not display.as_json:
            display.show(_group_line(group))


def _group_line(group: "Group") -> str:
    name = f"{group.by} {group.name}" if group.name is not None else f"{group.by} not known"
    share = group.share
    figures = (
        ""
        if share is None
        else f", {share.value:.0%} positive ({share.low:.0%} to {share.high:.0%}, cells taken as independent)"
    )
    why = f" ({group.why})" if group.why else ""
    unreadable = f", {group.counts.unreadable} unreadable" if group.counts.unreadable else ""
    return f"{name}: {_by_decision(group.counts.decisions)}{unreadable}{figures}: {group.decision}{why}"


def _by_decision(counts: "Mapping[Outcome, int]") -> str:
    return ", ".join(f"{counts[name]} {word}" for name, word in _WORDS.items())
