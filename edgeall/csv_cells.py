"""Text in CSV files that a spreadsheet program takes for what it is."""

from typing import Any


def visible(value: Any) -> Any:
    """Text without control characters and marks of direction, which become Python's escape sequences."""
    if isinstance(value, str) and not value.isprintable():
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in value)
    return value


_BEGINNINGS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Of formulas; the last four are wide forms of the first four."""


def harmless(value: Any) -> Any:
    """Text that a spreadsheet program would take for a formula gets an apostrophe in front (OWASP, CSV injection)."""
    if isinstance(value, str) and value.startswith(_BEGINNINGS):
        return f"'{value}"
    return value
