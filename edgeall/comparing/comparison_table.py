"""A comparison as one table of text cells: a section for each that is set against the first, a row a figure."""

from typing import Any

from edgeall import formatting
from edgeall.comparing.compare import Comparison, Outcome
from edgeall.comparing.conclusions import NAMES, verdict
from edgeall.comparing.cost_ratios import Ratio
from edgeall.results.differences import Difference


def table(outcome: Outcome) -> Any:
    """The table, for `rich`."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    first = outcome.sources[0].name
    grid = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", title=f"Compared with {first}",
        title_justify="left", caption="95% intervals", caption_justify="left",
    )  # fmt: skip
    adjusted = "p, adjusted" if len(outcome.comparisons) > 1 else "p"
    for heading in ("", Text(first), "other", "other beside first", adjusted, ""):
        grid.add_column(heading, justify="left" if heading == "" else "right")
    for c in outcome.with_first:
        place = "" if c.place is None else f", {c.place}"
        grid.add_section()
        grid.add_row(Text(f"{c.b}{place}", style="bold cyan"))
        for figure in c.figures:
            said = verdict(figure, outcome.tolerances)
            style = "bold red" if said.startswith("WORSE") else "yellow" if "beyond" in said else ""
            grid.add_row(*(Text(cell) for cell in _cells(figure, c, outcome)), Text(said, style=style))
    return grid


def _cells(figure: Difference | Ratio, c: Comparison, outcome: Outcome) -> tuple[str, ...]:
    name = NAMES[figure.metric]
    if isinstance(figure, Ratio):
        write, unit = (formatting.ms, "ms") if figure.metric == "latency" else (formatting.megabytes, "MB")
        return f"{name}, {unit}", write(figure.a), write(figure.b), _ratio(figure), ""
    sides = [_side(figure.metric, source, c, outcome) for source in (c.a, c.b)]
    p_value = figure.p_value if figure.p_adjusted is None else figure.p_adjusted
    test = (
        formatting.UNKNOWN if p_value is None else formatting.p(p_value).removeprefix("p ").removeprefix("= ")
    )
    unit = "" if figure.metric == "auc" else ", %"
    return f"{name}{unit}", *sides, formatting.difference(figure.metric, figure.delta), test


def _side(metric: str, name: str, c: Comparison, outcome: Outcome) -> str:
    """Of the common images where pairs are told of, else of the model's own."""
    source = next(source for source in outcome.sources if source.name == name)
    own = source.entries[c.place]
    write = formatting.share_interval if metric == "auc" else formatting.percent_interval
    if c.paired and own.n != c.common:
        d = c.difference(metric)
        value = None if d is None else d.a if name == c.a else d.b
        return (
            formatting.UNKNOWN
            if value is None
            else f"{value:.2f}"
            if metric == "auc"
            else formatting.percent(value)
        )
    return write(own.figures.get(metric))


def _ratio(r: Ratio) -> str:
    # Bytes are counted, not estimated: there is no interval to miss.
    return formatting.ratio(r.ratio) if r.metric == "latency" else f"{formatting.significant(r.ratio.value)}x"
