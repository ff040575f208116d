"""Rounds of `make bench`: interleaved, kept when they are finished, and only then."""

import json
from pathlib import Path

import pytest
from bench.rounds import Rounds


class Clock:
    """Ways that count how often they were measured, and in what order."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def way(self, name: str):  # type: ignore[no-untyped-def]
        def measure() -> dict[str, float]:
            self.order.append(name)
            return {"seconds": float(len(self.order))}

        return measure

    def ways(self, names: str):  # type: ignore[no-untyped-def]
        return {name: self.way(name) for name in names}


def test_each_round_begins_with_another_way(tmp_path: Path) -> None:
    clock = Clock()
    found = Rounds(tmp_path / "rounds.jsonl").measure("case", 3, clock.ways("abc"))
    assert "".join(clock.order) == "abcbcacab"
    assert found["a"] == [{"seconds": 1.0}, {"seconds": 6.0}, {"seconds": 8.0}]


def test_finished_rounds_are_not_measured_again(tmp_path: Path) -> None:
    path, clock = tmp_path / "rounds.jsonl", Clock()
    first = Rounds(path).measure("case", 2, clock.ways("ab"))
    assert [Rounds(path).finished(case) for case in ("case", "other")] == [2, 0]
    again = Rounds(path).measure("case", 3, clock.ways("ab"))
    assert "".join(clock.order) == "abba" + "ab"
    assert again["a"][:2] == first["a"]


def test_an_interrupted_round_is_measured_again_as_a_whole(tmp_path: Path) -> None:
    path, clock = tmp_path / "rounds.jsonl", Clock()

    def interrupted() -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rounds(path).measure("case", 1, {"a": clock.way("a"), "b": interrupted})
    Rounds(path).measure("case", 1, clock.ways("ab"))
    assert "".join(clock.order) == "aab"


def test_a_line_that_was_cut_off_is_no_round(tmp_path: Path) -> None:
    path, clock = tmp_path / "rounds.jsonl", Clock()
    Rounds(path).measure("case", 2, clock.ways("ab"))
    path.write_text(path.read_text()[:-20])
    Rounds(path).measure("case", 2, clock.ways("ab"))
    assert "".join(clock.order) == "abba" + "ba"
    assert [json.loads(line)["round"] for line in path.read_text().splitlines()] == [0, 1]


def test_a_case_with_other_ways_is_measured_anew(tmp_path: Path) -> None:
    path, clock = tmp_path / "rounds.jsonl", Clock()
    Rounds(path).measure("case", 1, clock.ways("ab"))
    found = Rounds(path).measure("case", 1, clock.ways("abc"))
    assert set(found) == set("abc")
    assert "".join(clock.order) == "ab" + "abc"
