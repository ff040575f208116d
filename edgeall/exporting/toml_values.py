"""Values out of TOML, each checked; a mistake is an error that names the key and what is allowed."""

from collections.abc import Iterable, Mapping
from typing import Any

from edgeall.errors import UsageError
from edgeall.suggestions import unknown_name


def check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse keys that mean nothing there.

    Raises, like all in this module:
        UsageError: in one line.
    """
    allowed = list(known)
    for key in given:
        if key not in allowed:
            raise unknown_name(f"key in {where}", str(key), allowed)


def section_of(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table `[name]`, which must be there."""
    section = document.get(name)
    if not isinstance(section, dict):
        raise UsageError(f"section [{name}] is missing")
    return section


def word(section: Mapping[str, Any], key: str, allowed: Iterable[str], default: str | None = None) -> str:
    """One of a few words."""
    known = list(allowed)
    value = section.get(key, default)
    if value is None:
        raise UsageError(f"{key} is missing: one of {', '.join(known)}")
    if value not in known:
        error = unknown_name(key, str(value), known)
        raise UsageError(f"{error} (allowed: {', '.join(known)})")
    return str(value)


def words(section: Mapping[str, Any], key: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """A list of words, each at most once; empty where `key` is absent."""
    known = list(allowed)
    values = section.get(key, [])
    if not isinstance(values, list | tuple):
        raise UsageError(f"{key} = {values!r}: a list of {', '.join(known)}")
    found = tuple(word({key: value}, key, known) for value in values)
    if len(set(found)) != len(found):
        raise UsageError(f"{key} = {values!r}: one is named twice")
    return found


def whole(section: Mapping[str, Any], key: str, least: int, default: int | None = None) -> int:
    """A whole number from `least` up."""
    value = section.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{key} = {value!r}: a whole number from {least} up")
    return value


def number(section: Mapping[str, Any], key: str, least: float, most: float, default: float) -> float:
    """A number within limits."""
    value = section.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise UsageError(f"{key} = {value!r}: a number from {least:g} to {most:g}")
    return float(value)


def share(section: Mapping[str, Any], key: str) -> float | None:
    """A number from 0 to 1; None where `key` is absent."""
    return None if section.get(key) is None else number(section, key, 0, 1, 0.0)
