"""Text in CSV files that a spreadsheet program takes for what it is."""

from typing import Any


def harmless(value: Any) -> Any:
    """Text that a spreadsheet program would take for a formula gets an apostrophe in front (OWASP, CSV injection)."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
