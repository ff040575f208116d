"""JSON and TOML documents to frozen dataclasses, by the types that the dataclass declares.

One rule for every document that edgeall reads back: a value of another type is refused, a missing key is refused
unless its field has a default, and an unknown key is ignored, so that files of later versions can still be read.
Files that people write are read with `strict`: there an unknown key is a mistake.
"""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from edgeall import files
from edgeall.suggestions import unknown_name

T = TypeVar("T")

MAX_DEPTH = 40
"""Lists and objects inside one another; deeper ones exhaust Python's stack."""

MAX_BYTES = 48 << 20
"""Largest file that is read. A result with its raw times takes about 24 kB, and 120 bytes more for each test image.

Text takes up to four times its bytes in memory, where one of its characters is beyond U+FFFF.
"""

MAX_TOML_BYTES = 1 << 20
"""Largest TOML file. People write them."""

_MOST_DOTS = 100
"""In a line of TOML, which holds a key with all its parts."""

MAX_VALUES = 2_500_000
"""Most values, brackets and colons of a text. Each can take 80 bytes of memory beside its letters."""

_MOST_PLACE = 100
"""Characters of a place in a message."""

_MESSAGE = re.compile(
    r"(?:Object missing required field `(?P<missing>[^`]*)`|(?P<problem>.*?))"
    r"(?: - at (?:`key` in )?`\$\.?(?P<place>[^`]*)`)?",
    re.DOTALL,
)
"""msgspec's messages."""


class DocumentError(ValueError):
    """A document does not hold what it must. The message names the place, such as `decision.labels[1]`."""

    def __init__(self, problem: str, place: str = "") -> None:
        shown = place if len(place) <= _MOST_PLACE else f"{place[:_MOST_PLACE]}…"
        super().__init__(f"{shown}: {problem}" if place else problem)
        self.problem, self.place = problem, place

    def inside(self, outer: str) -> "DocumentError":
        """The same error, seen from the value that holds the place."""
        joint = "" if not outer or not self.place or self.place.startswith("[") else "."
        return DocumentError(self.problem, f"{outer}{joint}{self.place}")


class NewerSchemaError(DocumentError):
    """A document is of a later schema than this edgeall reads: the document is sound, edgeall is old."""


def build(kind: type[T], document: Any, required: Collection[str] = (), *, strict: bool = False) -> T:
    """An instance of the dataclass `kind` from a parsed JSON or TOML document.

    A field may declare what msgspec converts, and Path. Whole numbers pass as float; nothing else is converted. Numbers
    are finite, and text is without lone surrogates.

    Args:
        required: places ("decision.threshold") that must be there although their field has a default.
        strict: refuse unknown keys, with the nearest known one.

    Raises:
        DocumentError: a value is missing, of another type, or refused by its dataclass.
    """
    _check_values(document)
    if strict:
        _check_names(kind, document, "")
    for place in required:
        inner = document
        for key in place.split("."):
            if not isinstance(inner, Mapping):
                break  # of another type: refused below
            if key not in inner:
                raise DocumentError("missing", place)
            inner = inner[key]
    try:
        return msgspec.convert(document, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise _document_error(error, kind, document) from None


def _document_error(error: msgspec.ValidationError, kind: Any, document: Any) -> DocumentError:
    found = _MESSAGE.fullmatch(str(error))
    assert found is not None  # any text matches
    missing, problem = found["missing"], found["problem"]
    place = _with_keys(found["place"] or "", kind, document)
    if missing:
        return DocumentError("missing", missing).inside(place)
    return DocumentError(re.sub("^Expected|^Invalid", lambda word: word[0].lower(), problem), place)


def _with_keys(place: str, kind: Any, document: Any) -> str:
    """`place` with the keys of dicts, which msgspec writes as "[...]": found by halving the entries."""
    parts: list[str | int] = []
    for name, index in re.findall(r"([^.\[\]]+)|\[([^\]]*)\]", place):
        if index != "...":
            parts.append(name or int(index))
            continue
        inner = document
        for part in parts:
            inner = inner[part]
        entries = list(inner.items())
        while len(entries) > 1:
            first = entries[: len(entries) // 2]
            wrong = _is_wrong(place, kind, _replaced(document, parts, dict(first)))
            entries = first if wrong else entries[len(first) :]
        parts.append(entries[0][0])
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def _is_wrong(place: str, kind: Any, document: Any) -> bool:
    """Whether msgspec finds the error of `place` in a document."""
    try:
        msgspec.convert(document, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        return place in str(error)
    return False


def _replaced(document: Any, parts: list[str | int], value: Any) -> Any:
    """A document with another value at a place; the rest of it is shared."""
    if not parts:
        return value
    copied: Any = dict(document) if isinstance(document, Mapping) else list(document)
    copied[parts[0]] = _replaced(copied[parts[0]], parts[1:], value)
    return copied


def check_schema(schema: int, known: int) -> None:
    """Refuse a document of a later schema than this edgeall knows: it would be misread.

    Earlier schemas are read. `known` is the highest schema that this edgeall reads.

    Raises:
        NewerSchemaError: the schema is higher than `known`.
        DocumentError: it is below 1.
    """
    if schema > known:
        raise NewerSchemaError(f"schema {schema}, this edgeall reads up to {known}: update edgeall")
    if schema < 1:
        raise DocumentError(f"schema {schema}: schemas begin at 1")


def parse(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        DocumentError: it is none, or has more than `MAX_VALUES` values. NaN and infinity are no JSON.
    """
    if len(text) > MAX_VALUES and _values_of(text) > MAX_VALUES:
        raise DocumentError(f"more than {MAX_VALUES} values")
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(str(error)) from None


def check_size(document: Any, beside: int = 0) -> None:
    """Refuse a document that `load` would not read back from the file that `files.write_json` makes of it.

    Args:
        beside: bytes of what will be in the file too.

    Raises:
        DocumentError: it is larger than `MAX_BYTES`, or has more than `MAX_VALUES` values.
    """
    text = json.dumps(document, indent=1)
    if len(text.encode()) + beside >= MAX_BYTES:
        raise DocumentError(f"larger than {MAX_BYTES >> 20} MiB")
    if _values_of(text) + beside // _BYTES_A_VALUE > MAX_VALUES:
        raise DocumentError(f"more than {MAX_VALUES} values")


_BYTES_A_VALUE = 20
"""Of most documents."""


def _values_of(text: str | bytes) -> int:
    marks = ",[{:"
    if isinstance(text, str):
        return sum(text.count(mark) for mark in marks)
    return sum(text.count(mark.encode()) for mark in marks)


def load(path: Path) -> Any:
    """The value of a JSON file, or of a TOML file by its suffix.

    Raises:
        DocumentError: it cannot be read, is larger than `MAX_BYTES` or `MAX_TOML_BYTES`, or is none.
    """
    most = MAX_TOML_BYTES if path.suffix == ".toml" else MAX_BYTES
    try:
        content = files.read_at_most(path, most)
        return _parse_toml(content.decode()) if path.suffix == ".toml" else parse(content)
    except (OSError, ValueError, RecursionError) as error:
        raise DocumentError(getattr(error, "strerror", None) or str(error)) from None


def _parse_toml(text: str) -> Any:
    import tomllib

    # The time and memory of tomllib grow with the square of a key's parts: 40 kB took over a minute and 1.5 GB.
    lines = (line for line in text.split("\n") if not line.lstrip().startswith("#"))
    if any(line.count(".") > _MOST_DOTS for line in lines):
        raise DocumentError(f"a line of more than {_MOST_DOTS} dots: break it into several")
    return tomllib.loads(text)


def read(kind: type[T], path: Path, required: Collection[str] = (), *, strict: bool = False) -> T:
    """`build` from the file at `path`.

    Raises:
        DocumentError: as of `load` and `build`.
    """
    return build(kind, load(path), required, strict=strict)


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as the JSON object that is read back: lists in place of tuples, text in place of paths."""
    document: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(value), default=os.fspath))
    return document


def _path(kind: type, value: Any) -> Path:
    if kind is not Path:
        raise NotImplementedError(f"{kind} is no type that a document holds")
    if isinstance(value, str | Path) and "\0" not in str(value):
        return Path(value)
    raise ValueError(f"expected a path, got {value!r}")


def _check_values(value: Any, depth: int = 0) -> None:
    """Raise `DocumentError` at what types do not tell: odd numbers, odd text, too many layers."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DocumentError("half of a character") from None
    elif isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
        raise DocumentError("not a finite number")
    elif isinstance(value, Mapping | list | tuple):
        if depth > MAX_DEPTH:
            raise DocumentError(f"nested more than {MAX_DEPTH} deep")
        for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
            try:
                _check_values(key)
                _check_values(each, depth + 1)
            except DocumentError as error:
                raise error.inside(ascii(key)[1:-1] if isinstance(key, str) else f"[{key}]") from None


def _check_names(hint: Any, value: Any, place: str) -> None:
    """Raise `DocumentError` at a key that a dataclass does not know, and at a word that is none of a few."""
    args = get_args(hint)
    if get_origin(hint) is Literal:
        if isinstance(value, str) and value not in args and all(isinstance(arg, str) for arg in args):
            raise DocumentError(str(unknown_name(place, value, args)))
    elif dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        hints, prefix = get_type_hints(hint), place and f"{place}."
        for key, each in value.items():
            if key not in hints:
                raise DocumentError(
                    str(unknown_name("key", f"{prefix}{key}", [prefix + name for name in hints]))
                )
            _check_names(hints[key], each, f"{prefix}{key}")
    elif get_origin(hint) is dict and isinstance(value, Mapping):
        for key, each in value.items():
            _check_names(args[0], key, f"key of {place}")
            _check_names(args[1], each, f"{place}.{key}")
    else:
        for arg in args:
            for each in value if isinstance(value, list) else [value]:
                _check_names(arg, each, place)
