"""Entries of a TOML document, each of the type that it must have, or refused by name."""

from typing import Any

from edgeall.errors import UsageError
from edgeall.suggestions import unknown_name


def only_known(document: dict[str, Any], known: tuple[str, ...], prefix: str = "") -> None:
    for key in document:
        if key not in known:
            raise unknown_name("key", prefix + key, [prefix + name for name in known])


def table(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key, {})
    require(isinstance(value, dict), key, "a table")
    return dict(value)


def text(document: dict[str, Any], key: str, default: str) -> str:
    value = document.get(key, default)
    require(isinstance(value, str) and value.isprintable() and (bool(value) or not default), key, "text")
    return str(value)


def texts(document: dict[str, Any], key: str) -> tuple[str, ...]:
    """One text, or a list of them."""
    value = document.get(key, [])
    values = [value] if isinstance(value, str) else value
    require(
        isinstance(values, list) and all(isinstance(each, str) and each for each in values),
        key,
        "text, or a list of texts",
    )
    return tuple(values)


def require(holds: bool, key: str, wanted: str) -> None:
    if not holds:
        raise UsageError(f"{key} must be {wanted}")


def choices(values: tuple[str, ...]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def positive_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
