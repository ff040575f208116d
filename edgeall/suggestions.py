"""Errors for unknown names, with a suggestion."""

from collections.abc import Iterable

from edgeall.errors import UsageError


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UsageError:
    """An error for the name `given` that suggests the nearest known name, or all of them where none is near.

    >>> str(unknown_name("backbone", "mobilnetv2", ["mobilenetv2", "vgg16"]))
    "unknown backbone 'mobilnetv2': did you mean 'mobilenetv2'?"
    """
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(given.lower(), names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(names)}"
    return UsageError(f"unknown {kind} '{_printable(given)}': {hint}")


def _printable(text: str) -> str:
    """At most 60 characters, on one line, without control characters."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
