"""Tables of `make bench` in Markdown: a page a section, and one page with all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.section import Row
from edgeall import documents, files
from edgeall.markdown_table import table
from edgeall.statistics import Estimate

NOTES = Path(__file__).with_name("notes")
"""What people found out about a section's figures, a Markdown file a section: profiles, what was done, what remains."""

HEAD = ("", "edgeall", "other", "unit", "ratio [95 %]", "rounds", "goal", "outcome")


@dataclass(frozen=True)
class Measured:
    """A section's table, as it is kept.

    Attributes:
        name, page, title, about: of the section; `page` is the name of its page.
        machine: in words, with its load.
        basis: what the figures hold for.
        rows: of the table.
    """

    name: str
    page: str
    title: str
    about: str
    machine: str
    basis: Mapping[str, str]
    rows: tuple[Row, ...]


def write(folder: Path, measured: Measured, pages: Sequence[str]) -> Path:
    """Write a section's rows and page, and the page of all sections in `folder`, which it returns.

    `pages`: of all sections, in their order.
    """
    files.write_json(folder / f"{measured.page}.json", documents.plain(measured))
    files.write_text(folder / f"{measured.page}.md", whole_page(measured))
    known = [folder / f"{page}.json" for page in pages]
    tables = [documents.build(Measured, documents.load(path)) for path in known if path.exists()]
    files.write_text(folder / "bench.md", summary(tables))
    return folder / "bench.md"


def whole_page(measured: Measured) -> str:
    """A section with all that is known of it."""
    notes = NOTES / f"{measured.name}.md"
    parts = [
        f"# {measured.title}",
        measured.about.strip(),
        f"Measured on {measured.machine}. Made by `make bench SECTIONS={measured.name}`.",
        rows_table(measured.rows),
        "\n".join(f"- {row.what}: {row.note}" for row in measured.rows if row.note),
        notes.read_text(encoding="utf-8").strip() if notes.exists() else "",
        "Basis: " + "; ".join(f"{key} {value}" for key, value in measured.basis.items()) + ".",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(tables: Sequence[Measured]) -> str:
    """All sections: their tables and how many goals are met."""
    counts = [
        [
            measured.title,
            *(
                str(sum(row.outcome == outcome for row in measured.rows))
                for outcome in ("met", "missed", "not shown")
            ),
        ]
        for measured in tables
    ]
    parts = [
        "# edgeall beside its alternatives",
        "Made by `make bench`. Ratios are edgeall's figure by the other's. Both are measured on one machine, in "
        "interleaved rounds. The interval is over rounds. A goal is met where the whole interval keeps it, missed "
        "where none of it does; otherwise neither is shown.",
        table(("section", "goals met", "missed", "not shown"), counts),
    ]
    for measured in tables:
        parts += [
            f"## {measured.title}",
            f"[How it was measured, and notes]({measured.page}.md). {measured.machine}.",
            rows_table(measured.rows),
        ]
    return "\n\n".join(parts) + "\n"


def rows_table(rows: Sequence[Row]) -> str:
    """A line a row."""
    return table(HEAD, [_cells(row) for row in rows])


def _cells(row: Row) -> list[str]:
    other = f"{figure(row.peers)} ({row.peer})" if row.peer else figure(row.peers)
    goal = "" if row.goal is None else str(row.goal)
    return [
        row.what,
        figure(row.ours),
        other,
        row.unit,
        with_interval(row.ratio),
        str(row.rounds or "–"),
        goal,
        row.outcome or "",
    ]


def figure(value: float | None) -> str:
    """Three significant digits."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def with_interval(estimate: Estimate | None) -> str:
    """A ratio and its ends; no ends where it does not vary or has a single round."""
    if estimate is None:
        return "–"
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return f"{estimate.value:.3g}"
    return f"{estimate.value:.3g} [{estimate.low:.3g}–{estimate.high:.3g}]"
