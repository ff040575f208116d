"""JSON documents to frozen dataclasses, by the types that the dataclass declares.

One rule for every document that edgeall reads back: a value of another type is refused, a missing key is refused
unless its field has a default, and an unknown key is ignored, so that files of later versions can still be read.
"""

import dataclasses
import functools
import json
import math
import types
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Reader = Callable[[Any], Any]

MAX_DEPTH = 40
"""Lists and objects inside one another in a free-form part of a document; deeper ones exhaust Python's stack."""


class DocumentError(ValueError):
    """A document does not hold what it must. The message names the place, such as `decision.labels[1]`."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place} {problem}" if place else problem)
        self.problem, self.place = problem, place

    def inside(self, outer: str) -> "DocumentError":
        """The same error, seen from the value that holds the place."""
        joint = "" if not self.place or self.place.startswith("[") else "."
        return DocumentError(self.problem, f"{outer}{joint}{self.place}")


def build(kind: type[T], document: Any, required: Collection[str] = ()) -> T:
    """An instance of the dataclass `kind` from a parsed JSON object.

    Types that a field may declare: str, int, float, bool, Path, Any, Literal, tuples of these, dict[str, ...], another
    dataclass, and each of these or None. Whole numbers pass as float; nothing else is converted. Numbers are finite.

    Args:
        required: places ("decision.threshold") that must be there although their field has a default.

    Raises:
        DocumentError: a value is missing, of another type, or refused by its dataclass.
    """
    for place in required:
        inner = document
        for key in place.split("."):
            if not isinstance(inner, Mapping):
                break  # of another type: refused below
            if key not in inner:
                raise DocumentError("is missing", place)
            inner = inner[key]
    reader: Callable[[Any], T] = _reader(kind)  # type: ignore[arg-type]  # dataclasses are hashable
    return reader(document)


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as the JSON object that is read back: lists in place of tuples."""
    document: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(value)))
    return document


@functools.cache
def _reader(hint: Any) -> _Reader:
    """What turns a JSON value into one of the type `hint`."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return functools.partial(_choice, args)
    if origin in (Union, types.UnionType):
        (other,) = (arg for arg in args if arg is not type(None))
        return functools.partial(_or_none, _reader(other))
    if origin is tuple:
        same = args[1:] == (...,)
        each = (_reader(args[0]),) if same else tuple(map(_reader, args))
        return functools.partial(_sequence, each, same)
    if origin is dict:
        return functools.partial(_object, _reader(args[1]))
    if dataclasses.is_dataclass(hint):
        return functools.partial(_dataclass, hint, _fields(hint))
    raise TypeError(f"{hint} is no type that a document holds")


def _fields(kind: Any) -> tuple[tuple[str, _Reader, bool], ...]:
    """Name, reader, and whether it must be there, of each field."""
    hints = get_type_hints(kind)
    return tuple(
        (
            field.name,
            _reader(hints[field.name]),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
        if field.init
    )


def _dataclass(kind: Any, fields: tuple[tuple[str, _Reader, bool], ...], value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(value, "an object")
    values = {}
    for name, reader, needed in fields:
        if name in value:
            values[name] = _at(name, reader, value[name])
        elif needed:
            raise DocumentError("is missing", name)
    try:
        return kind(**values)
    except ValueError as error:
        raise DocumentError(f"cannot be used ({error})") from None


def _at(place: str, reader: _Reader, value: Any) -> Any:
    try:
        return reader(value)
    except DocumentError as error:
        raise error.inside(place) from None


def _choice(allowed: tuple[Any, ...], value: Any) -> Any:
    for each in allowed:
        if type(value) is type(each) and value == each:
            return each
    raise _wrong(value, f"one of {', '.join(map(str, allowed))}")


def _or_none(reader: _Reader, value: Any) -> Any:
    return None if value is None else reader(value)


def _sequence(readers: tuple[_Reader, ...], same: bool, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(value, "a list")
    if same:
        readers *= len(value)
    if len(readers) != len(value):
        raise DocumentError(f"has {len(value)} values, not {len(readers)}")
    return tuple(_at(f"[{index}]", *pair) for index, pair in enumerate(zip(readers, value, strict=True)))


def _object(reader: _Reader, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(value, "an object")
    return {_text(key): _at(_shown(key), reader, each) for key, each in value.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a text")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise DocumentError("holds half of a character")
    return value


def _path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if "\0" in _text(value):
        raise _wrong(value, "a path")
    return Path(value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise _wrong(value, "a whole number")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise _wrong(value, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DocumentError("is not a finite number")
    return number


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise _wrong(value, "true or false")
    return value


def _anything(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise DocumentError(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(key): _anything(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_anything(each, depth + 1) for each in value]
    return value if value is None or type(value) in (bool, int) else _number(value)


_PLAIN: dict[Any, _Reader] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    Path: _path,
    Any: _anything,
}


def _wrong(value: Any, wanted: str) -> DocumentError:
    return DocumentError(f"is {_shown(value)}, not {wanted}")


def _shown(value: Any) -> str:
    """A value on one line, shortened."""
    try:
        text = value if isinstance(value, str) and value.isidentifier() else json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."
