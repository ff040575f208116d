"""Text from outside in Markdown: one line, without a meaning to Markdown or HTML."""

import re
from collections.abc import Iterable, Sequence

from edgeall import markdown_table

_LINKS = str.maketrans({"[": "\\[", "]": "\\]"})
_BLOCK = re.compile(r"^(\d*)([-+~=.)])")
"""What makes a line a list, a fence or a heading's underline."""


def one_line(text: str) -> str:
    """Runs of blanks and line ends become one blank; other characters that cannot be seen are left out."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def safe(text: str) -> str:
    """One line in which nothing is markup, a link, an entity or the end of a table's cell, wherever it stands."""
    bare = one_line(text).replace("&", "&amp;")
    return _BLOCK.sub(r"\1\\\2", markdown_table.escape(bare).translate(_LINKS))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text with every column to the left. Cells are Markdown already: see `safe`."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))
