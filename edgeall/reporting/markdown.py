"""Results as Markdown: one section a device, the recommendation first, then the table and the rest of the verdict."""

from collections.abc import Iterable

from edgeall.markdown_table import escape
from edgeall.recommending.answer import BECAUSE, NOT_KNOWN, TAKE
from edgeall.reporting import corruptions_table, costs_table, counts_table, cross_check_table
from edgeall.reporting.device_verdict import HEADINGS, DeviceVerdict, judge
from edgeall.reporting.devices_table import side_by_side
from edgeall.reporting.results_table import COLUMNS, SideTable, table
from edgeall.results import Bench


def markdown(benches: Iterable[Bench]) -> str:
    """The whole report."""
    every = tuple(benches)
    together = "\n".join(_side(side_by_side(every), level=2))
    return "\n".join(part for part in ("# Bench report\n", together, *map(_device, every)) if part)


def _device(bench: Bench) -> str:
    laid_out = table(bench)
    verdict = judge(bench)
    headings = ["backbone", *(column.heading for column in COLUMNS)]
    rules = ["---", *("---:" if column.numeric else "---" for column in COLUMNS)]
    lines = [f"## {escape(laid_out.title)}", "", *_answer(verdict), _line(headings), _rule(rules)]
    lines += [_line([row.family, *(row.cells[column.key] for column in COLUMNS)]) for row in laid_out.rows]
    lines += ["", *(f"- {escape(note)}" for note in laid_out.notes), ""]
    for side in (
        cross_check_table.witnesses(bench),
        costs_table.costs(bench),
        counts_table.counts(bench),
        corruptions_table.corruptions(bench),
        corruptions_table.every_corruption(bench),
    ):
        lines += _side(side)
    for kind in HEADINGS:
        if texts := verdict.of(kind):
            lines += [
                f"### {escape(verdict.heading(kind))}",
                "",
                *(f"- {escape(text)}" for text in texts),
                "",
            ]
    return "\n".join(lines)


def _answer(verdict: DeviceVerdict) -> list[str]:
    found = verdict.recommendation
    parts = ((TAKE, [found.take]), (BECAUSE, found.because), (NOT_KNOWN, found.not_known))
    return [line for head, texts in parts for line in (f"**{head}:** {escape(' '.join(texts))}", "")]


def _side(told: SideTable, level: int = 3) -> list[str]:
    if not told.rows:
        return []
    rules = ["---:" if place in told.numeric else "---" for place in range(len(told.columns))]
    return [
        *(f"{'#' * level} {told.heading}", "", _line(list(told.columns)), _rule(rules)),
        *(_line(list(row)) for row in told.rows),
        *("", *(f"- {escape(note)}" for note in told.notes), ""),
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(map(escape, cells))} |"


def _rule(alignments: list[str]) -> str:
    return f"| {' | '.join(alignments)} |"
