"""Dataclasses that share their methods behave as the standard library's frozen ones."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from functools import cached_property
from typing import Any

import msgspec
import pytest

from edgeall import values


def made(dataclass: Callable[..., Any]) -> Any:
    @dataclass(frozen=True)
    class Point:
        """Two numbers."""

        x: int
        y: float = 0.5
        names: list[str] = field(default_factory=list, repr=False, compare=False)

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("negative")

        @cached_property
        def double(self) -> int:
            return 2 * self.x

    return Point


Shared, Standard = made(values.dataclass), made(dataclasses.dataclass)


@values.dataclass(frozen=True)
class Kept:
    x: int


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, 2.0), {}),
    ((1, 2.0, ["a"]), {}),
    ((1,), {"y": 3.0}),
    ((), {"y": 3.0, "x": 2}),
    ((), {}),
    ((1, 2.0, [], 4), {}),
    ((1,), {"x": 1}),
    ((1,), {"z": 1}),
    ((-1,), {}),
]


@pytest.mark.parametrize(("given", "named"), CALLS)
def test_calls_give_the_same_or_the_same_kind_of_error(given: tuple[Any, ...], named: dict[str, Any]) -> None:
    def of(kind: Any) -> Any:
        try:
            value = kind(*given, **named)
        except (TypeError, ValueError) as error:
            return type(error)
        return asdict(value), repr(value), value.double

    assert of(Shared) == of(Standard)


def test_equality_and_hash_are_of_the_compared_fields() -> None:
    assert Shared(1, 2.0, ["a"]) == Shared(1, 2.0, ["b"])
    assert hash(Shared(1, 2.0, ["a"])) == hash(Shared(1, 2.0))
    assert Shared(1) != Shared(2)
    assert Shared(1) != Standard(1)
    assert Shared(1) != (1, 0.5)


def test_it_is_frozen() -> None:
    value = Shared(1)
    with pytest.raises(FrozenInstanceError, match="'x'"):
        value.x = 2
    with pytest.raises(FrozenInstanceError, match="'x'"):
        del value.x
    with pytest.raises(FrozenInstanceError):
        value.other = 2
    assert value.x == 1


def test_defaults_are_made_anew() -> None:
    assert Shared(1).names is not Shared(1).names


def test_the_standard_library_s_functions_take_it() -> None:
    value = Shared(1, 2.0)
    assert [each.name for each in fields(value)] == ["x", "y", "names"]
    assert replace(value, x=3) == Shared(3, 2.0)
    assert copy.deepcopy(value) == copy.copy(value) == value
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)
    match value:
        case Shared(x, y):
            assert (x, y) == (1, 2.0)


def test_documents_become_one() -> None:
    assert msgspec.convert({"x": 3, "names": ["a"]}, Shared) == Shared(3)
    with pytest.raises(msgspec.ValidationError, match="negative"):
        msgspec.convert({"x": -3}, Shared)
