"""Documents: a value of another type is refused with its place, an unknown key is ignored."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from edgeall.documents import MAX_DEPTH, DocumentError, build


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.share > 1:
            raise ValueError(f"share {self.share} is more than 1")


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    count: int
    flag: bool
    root: Path
    three: tuple[float, float, float]
    names: tuple[str, ...]
    inner: Inner
    maybe: Inner | None = None
    many: tuple[Inner, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    free: dict[str, Any] = field(default_factory=dict)


GOOD: dict[str, Any] = {
    "kind": "a",
    "count": 3,
    "flag": True,
    "root": "/data",
    "three": [1, 2.5, 3],
    "names": ["x", "y"],
    "inner": {"name": "i"},
    "maybe": {"name": "m", "share": 1},
    "many": [{"name": "1"}, {"name": "2"}],
    "numbers": {"a": 1},
    "free": {"list": [1, {"deep": None}]},
}


def test_a_document_becomes_its_dataclass() -> None:
    built = build(Outer, json.loads(json.dumps(GOOD)))
    assert built == Outer(
        "a", 3, True, Path("/data"), (1.0, 2.5, 3.0), ("x", "y"), Inner("i"), Inner("m", 1.0),
        (Inner("1"), Inner("2")), {"a": 1}, {"list": [1, {"deep": None}]},
    )  # fmt: skip
    assert [type(each) for each in built.three] == [float] * 3


def test_unknown_keys_are_ignored_and_defaults_fill_in() -> None:
    least = {key: GOOD[key] for key in ("kind", "count", "flag", "root", "three", "names", "inner")}
    assert build(Outer, least | {"later": 1, "inner": {"name": "i", "later": {}}}).maybe is None


DEEP: Any = "end"
for _ in range(MAX_DEPTH + 1):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kind", "c", "kind is c, not one of a, b"),
        ("kind", None, "kind is null, not one of a, b"),
        ("count", 3.0, "count is 3.0, not a whole number"),
        ("count", True, "count is true, not a whole number"),
        ("flag", 1, "flag is 1, not true or false"),
        ("root", 5, "root is 5, not a text"),
        ("root", "a\0b", r"not a path"),
        ("three", [1, 2], "three has 2 values, not 3"),
        ("three", [1, "2", 3], r'three\[1\] is "2", not a number'),
        ("three", [1, float("nan"), 3], r"three\[1\] is not a finite number"),
        ("three", [1, 10**400, 3], r"three\[1\] is not a finite number"),
        ("names", "xy", "names is xy, not a list"),
        ("names", ["\ud800"], r"names\[0\] holds half of a character"),
        ("inner", [], r"inner is \[\], not an object"),
        ("inner", {}, r"inner\.name is missing"),
        ("inner", {"name": "i", "share": 2}, r"inner cannot be used \(share 2\.0 is more than 1\)"),
        ("many", [{"name": "1"}, {"name": 2}], r"many\[1\]\.name is 2, not a text"),
        ("numbers", {"a": "1"}, r'numbers\.a is "1", not a whole number'),
        ("free", {"x": DEEP}, r"free\.x is nested more than"),
        ("free", [1], r"free is \[1\], not an object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(key: str, value: Any, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        build(Outer, GOOD | {key: value})


@pytest.mark.parametrize("document", [None, 1, "text", [], [GOOD]])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(DocumentError, match="not an object"):
        build(Outer, document, ("inner.share",))


def test_a_place_may_be_required_although_it_has_a_default() -> None:
    assert build(Outer, GOOD, ("maybe.share",)) == build(Outer, GOOD)
    with pytest.raises(DocumentError, match=r"inner\.share is missing"):
        build(Outer, GOOD, ("inner.share",))
