"""Tables in Markdown, with text that cannot break them."""

from collections.abc import Sequence

_ESCAPED = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_#"} | {char: f"&#{ord(char)};" for char in "|<>"}
)


def escape(text: str) -> str:
    """Text whose characters have no meaning in Markdown or HTML. A `|` becomes an entity, so that it ends no cell.

    Brackets stay as they are, for intervals; a link or picture needs "](", whose second half is escaped.
    """
    return text.translate(_ESCAPED).replace("](", "]\\(")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its first column to the left and numbers to the right; cells are escaped."""
    lines = [_line(header), "| --- |" + " ---: |" * (len(header) - 1), *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape, cells)) + " |"
