"""A small part of each campaign; `make hardening` tries more (see SECURITY.md)."""

import functools
import math
import os
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="needs the workstation's packages")

from campaign import Broken, Kind, outcome_of, run
from changed_bytes import changed_bytes
from harden import KINDS, kind_of
from shared_folders import Share
from small_models import KEPT, SmallModel, keep

BRIEF = [name for name in KINDS if kind_of(name).quick]


@pytest.mark.parametrize("name", BRIEF)
def test_nothing_breaks_a_promise(
    name: str, tiny: SmallModel, share: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if KEPT not in os.environ:
        monkeypatch.setenv(KEPT, str(share("tiny", functools.partial(keep, "tiny")).parent))
    kind = kind_of(name)
    found = run(name, kind, tmp_path, kind.quick, math.inf)
    if found.missing:
        pytest.skip(found.missing)
    assert found.findings == []
    assert found.tried == kind.quick


class Odd(Kind):
    """Breaks its promise at 3, and has a bug at 5."""

    quick = sample = full = 8

    def one(self, seed: int) -> str:
        if seed == 3:
            raise Broken("three")
        return ["fine"][seed == 5]


def test_what_breaks_a_promise_is_told_with_its_number(tmp_path: Path) -> None:
    told = [outcome_of(Odd(tmp_path), seed) for seed in range(8)]
    assert [seed for seed, outcome in enumerate(told) if outcome != "fine"] == [3, 5]
    assert told[3] == {"why": "three"}
    assert isinstance(told[5], dict)
    assert told[5]["why"] == "IndexError: list index out of range"


def test_the_same_number_gives_the_same_damage() -> None:
    import random

    content = bytes(range(256)) * 4
    made = [changed_bytes(random.Random(seed), content, [content[::-1]]) for seed in range(300)]
    assert made == [changed_bytes(random.Random(seed), content, [content[::-1]]) for seed in range(300)]
    assert content not in made
    assert len(set(made)) > 290
