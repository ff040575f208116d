"""Documents: a value of another type is refused with its place, an unknown key is ignored."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from edgeall import documents, files
from edgeall.documents import MAX_DEPTH, DocumentError, build, parse, plain, read


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


def test_a_wrong_value_among_many_is_found_in_few_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole document is read each time."""
    many = {f"key {number}": number for number in range(10_000)}
    readings = []
    convert = documents.msgspec.convert

    def counted(*arguments: Any, **options: Any) -> Any:
        readings.append(arguments)
        return convert(*arguments, **options)

    monkeypatch.setattr(documents.msgspec, "convert", counted)
    for wrong in ("key 0", "key 4999", "key 7001", "key 9999"):
        with pytest.raises(DocumentError) as caught:
            build(Outer, GOOD | {"numbers": many | {wrong: "x"}})
        assert caught.value.place == f"numbers.{wrong}"
    assert len(readings) < 4 * 20


def test_unknown_keys_are_ignored_and_defaults_fill_in() -> None:
    least = {key: GOOD[key] for key in ("kind", "count", "flag", "root", "three", "names", "inner")}
    assert build(Outer, least | {"later": 1, "inner": {"name": "i", "later": {}}}).maybe is None


DEEP: Any = "end"
for _ in range(MAX_DEPTH + 1):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kind", "c", "kind: invalid enum value 'c'"),
        ("kind", None, "kind: expected `str`, got `null`"),
        ("count", 3.0, "count: expected `int`, got `float`"),
        ("count", True, "count: expected `int`, got `bool`"),
        ("flag", 1, "flag: expected `bool`, got `int`"),
        ("root", 5, "root: expected a path, got 5"),
        ("root", "a\0b", "root: expected a path"),
        ("three", [1, 2], "three: expected `array` of length 3, got 2"),
        ("three", [1, "2", 3], r"three\[1\]: expected `float`, got `str`"),
        ("three", [1, float("nan"), 3], r"three\[1\]: not a finite number"),
        ("three", [1, 10**400, 3], r"three\[1\]: not a finite number"),
        ("names", "xy", "names: expected `array`, got `str`"),
        ("names", ["\ud800"], r"names\[0\]: half of a character"),
        ("inner", [], "inner: expected `object`, got `array`"),
        ("inner", {}, r"inner\.name: missing"),
        ("inner", {"name": "i", "share": 2}, r"inner: share 2\.0 is more than 1"),
        ("many", [{"name": "1"}, {"name": 2}], r"many\[1\]\.name: expected `str`, got `int`"),
        ("numbers", {"a": "1"}, r"numbers\.a: expected `int`, got `str`"),
        ("free", {"x": DEEP}, r"free\.x.*: nested more than"),
        ("free", [1], "free: expected `object`, got `array`"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(key: str, value: Any, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        build(Outer, GOOD | {key: value})


@pytest.mark.parametrize("document", [None, 1, "text", [], [GOOD]])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(DocumentError, match="xpected `object`"):
        build(Outer, document, ("inner.share",))


def test_a_place_may_be_required_although_it_has_a_default() -> None:
    assert build(Outer, GOOD, ("maybe.share",)) == build(Outer, GOOD)
    with pytest.raises(DocumentError, match=r"inner\.share: missing"):
        build(Outer, GOOD, ("inner.share",))


def test_what_was_built_is_written_as_it_was_read() -> None:
    assert plain(build(Outer, GOOD)) == GOOD | {"maybe": {"name": "m", "share": 1.0}} | {
        "inner": {"name": "i", "share": 0.5}, "many": [{"name": name, "share": 0.5} for name in "12"]
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "[1e400]", '"\\ud800"', "[" * 5000, b"\xff", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(DocumentError):
        parse(text)


def test_a_file_is_json_or_toml_by_its_suffix(tmp_path: Path) -> None:
    for name, content in (("a.json", '{"name": "é"}'), ("a.toml", 'name = "é"')):
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert read(Inner, tmp_path / name) == Inner("é")
    (tmp_path / "a.toml").write_text('name = "a"\nshare = nan')
    with pytest.raises(DocumentError, match="share: not a finite number"):
        read(Inner, tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text("a = " + "[" * 5000)
    with pytest.raises(DocumentError, match="recursion"):
        read(Inner, tmp_path / "a.toml")
    with pytest.raises(DocumentError, match="No such file or directory"):
        read(Inner, tmp_path / "b.json")


@dataclass(frozen=True)
class Written:
    """As a person writes it."""

    inner: Inner | None = None
    kinds: tuple[Literal["red", "blue"], ...] = ()
    by_kind: dict[Literal["red", "blue"], str | Inner] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"iner": {}}, "unknown key 'iner': did you mean 'inner'?"),
        ({"inner": {"nam": "a"}}, "unknown key 'inner.nam': did you mean 'inner.name'?"),
        ({"kinds": ["red", "blu"]}, "unknown kinds 'blu': did you mean 'blue'?"),
        ({"by_kind": {"rad": "a"}}, "unknown key of by_kind 'rad': did you mean 'red'?"),
        (
            {"by_kind": {"red": {"nam": "a"}}},
            "unknown key 'by_kind.red.nam': did you mean 'by_kind.red.name'?",
        ),
    ],
)
def test_a_typing_mistake_is_named_with_the_nearest_word(document: Any, message: str) -> None:
    assert build(
        Written, {"inner": {"name": "a"}, "by_kind": {"red": "b", "blue": {"name": "c"}}}, strict=True
    )
    with pytest.raises(DocumentError) as caught:
        build(Written, document, strict=True)
    assert str(caught.value) == message


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large.json"
    file.write_text('{"name": "a"}')
    assert read(Inner, file).name == "a"
    monkeypatch.setattr(documents, "MAX_BYTES", 5)
    with pytest.raises(DocumentError, match="larger than"):
        read(Inner, file)


def test_a_later_schema_is_refused_and_an_earlier_one_read() -> None:
    documents.check_schema(1, known=2)
    documents.check_schema(2, known=2)
    with pytest.raises(DocumentError, match="schema 3, this edgeall reads up to 2: update edgeall"):
        documents.check_schema(3, known=2)
    with pytest.raises(DocumentError, match="schema 0: schemas begin at 1"):
        documents.check_schema(0, known=2)


def test_the_key_of_a_dict_is_named() -> None:
    with pytest.raises(DocumentError, match=r"^numbers\.second: expected `int`, got `str`"):
        build(Outer, GOOD | {"numbers": {"first": 1, "second": "x", "third": 3}})
    with pytest.raises(DocumentError, match=r"^by_kind\.blue\.name: missing"):
        build(Written, {"by_kind": {"red": "b", "blue": {}}})


@dataclass(frozen=True)
class Numbered:
    version: Literal[1, 2]


def test_a_number_that_is_none_of_a_few_is_refused_in_one_line() -> None:
    for wrong in ("2", 3):
        with pytest.raises(DocumentError, match="version"):
            build(Numbered, {"version": wrong}, strict=True)


def test_text_from_a_file_stays_on_one_line_of_the_message() -> None:
    with pytest.raises(DocumentError) as caught:
        build(Written, {"in\x1bn\ner": {}}, strict=True)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text", ["[" + "[]," * 3_000_000 + "[]]", b"[" + b'{"a":1},' * 2_000_000 + b"1]"], ids=["str", "bytes"]
)
def test_a_short_text_of_many_values_takes_no_memory(text: str | bytes) -> None:
    with pytest.raises(documents.DocumentError, match=f"more than {documents.MAX_VALUES} values"):
        documents.parse(text)


def test_what_would_not_be_read_back_is_noticed_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"names": ["größe"] * 1000}
    path = tmp_path / "names.json"
    files.write_json(path, document)
    monkeypatch.setattr(documents, "MAX_BYTES", path.stat().st_size)
    documents.load(path)
    documents.check_size(document, beside=-1)
    with pytest.raises(DocumentError, match="larger than"):
        documents.check_size(document, beside=10)
    monkeypatch.setattr(documents, "MAX_BYTES", 48 << 20)
    monkeypatch.setattr(documents, "MAX_VALUES", 1000)
    with pytest.raises(DocumentError, match="more than 1000 values"):
        documents.check_size(document)


def test_a_long_text_of_few_values_is_read() -> None:
    assert documents.parse(b'["' + b"," * 2_000_000 + b"x" * 2_000_000 + b'"]')[0].startswith(",")


def test_a_key_of_many_parts_is_refused_before_it_is_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    for text in ("a." * 20_000 + "a = 1", "x = {" + "a." * 500 + "a = 1}", "[" + "a." * 500 + "a]"):
        path.write_text(f"b = 1\n{text}\n")
        with pytest.raises(documents.DocumentError, match="a line of more than 100 dots"):
            documents.load(path)
    path.write_text("\n".join(f"k{index} = 0.5" for index in range(1000)))
    assert len(documents.load(path)) == 1000
    path.write_text(f"#{'.' * 120}\n  # {'.' * 120}\nsame = 0.5")
    assert documents.load(path) == {"same": 0.5}


def test_toml_is_what_people_write(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_text(f'x = "{"x" * (1 << 20)}"')
    with pytest.raises(documents.DocumentError, match="larger than 1 MiB"):
        documents.load(path)
