"""A table beside a device's main one, for what not every bench holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SideTable:
    """Rows of cells, the first of which names the artifact; none where there is nothing to show.

    Attributes:
        numeric: columns that hold figures, by place.
        notes: what belongs under the table.
    """

    heading: str
    columns: tuple[str, ...]
    numeric: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
