"""Answers of `classify` as lines of text and JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeall.artifact import Decision
from edgeall.cli.display import Display

if TYPE_CHECKING:
    from edgeall.field import Classified, Failed
    from edgeall.field.counts import Counts, Group

_WORDS = {"positive": "positive", "negative": "negative", "refer": "refer", "refuse": "refused"}


def show(result: "Classified | Failed", decision: Decision, display: Display) -> None:
    """Print one answer: an error on standard error, anything else as a result."""
    from edgeall.field import Classified

    display.emit(result.to_dict(), line=True)
    if not isinstance(result, Classified):
        display.error(result.error)
    elif not display.as_json:
        display.show(*_lines(result, decision))


def _lines(result: "Classified", decision: Decision) -> list[str]:
    notes = [f"  note: {note}" for note in result.notes]
    doubts = "; ".join(result.doubts)
    verdict = result.verdict
    if verdict is None:
        return [f"{result.path}: refused: {doubts}", *notes]
    labels = f"label{'s'[: len(decision.positive) - 1]} " + " or ".join(f'"{x}"' for x in decision.positive)
    line = (
        f"{result.path}: probability of {labels} = {verdict.score:.2f} "
        f"(threshold {result.threshold:.2f}) {verdict.decision}"
    )
    if len(decision.labels) > 2:
        line += f', label "{verdict.label}" = {verdict.probability:.2f}'
    return [line, *([f"  doubtful image: {doubts}"] if doubts else []), *notes]


def summary(counts: "Counts") -> str:
    """All answers on one line: "12 inputs: 3 positive, 5 negative, 1 refer, 2 refused, 1 unreadable; 4 files left out".

    Each picture, folder without pictures and name without a file is one input.
    """
    line = f"{counts.inputs} inputs: {_by_decision(counts)}, {counts.unreadable} unreadable"
    return f"{line}; {counts.left_out} files left out" if counts.left_out else line


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
    return f"{name}: {_by_decision(group.counts)}{unreadable}{figures}: {group.decision}{why}"


def _by_decision(counts: "Counts") -> str:
    return ", ".join(f"{counts.decisions[name]} {word}" for name, word in _WORDS.items())
