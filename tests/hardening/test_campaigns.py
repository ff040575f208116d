"""A small part of each campaign; `make hardening` tries more (see SECURITY.md)."""

import functools
import math
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="needs the workstation's packages")

from campaign import outcome_of, run
from changed_bytes import changed_bytes
from harden import KINDS, kind_of
from odd_kinds import Odd, Stuck
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


def test_what_breaks_a_promise_is_told_with_its_number(tmp_path: Path) -> None:
    told = [outcome_of(Odd(tmp_path), seed) for seed in range(8)]
    assert [seed for seed, outcome in enumerate(told) if outcome != "fine"] == [3, 5]
    assert told[3] == {"why": "three"}
    assert isinstance(told[5], dict)
    assert told[5]["why"] == "IndexError: list index out of range"


def test_a_trial_that_makes_no_progress_is_ended_and_found(tmp_path: Path) -> None:
    found = run("odd_kinds.Stuck", Stuck, tmp_path, Stuck.full, math.inf)
    assert [(each["seed"], each["why"]) for each in found.findings] == [(1, "no progress in 2 s")]
    assert found.outcomes == {"half": 2, "FINDING": 1}
    assert found.tried == 2


def test_the_security_page_has_the_figures_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([\d,]+) \| [^|]* \|$", page, re.MULTILINE)
    stated = {name: int(figure.replace(",", "")) for name, figure in rows}
    assert stated == {name: kind_of(name).full for name in KINDS}


def test_the_same_number_gives_the_same_damage() -> None:
    import random

    content = bytes(range(256)) * 4
    made = [changed_bytes(random.Random(seed), content, [content[::-1]]) for seed in range(300)]
    assert made == [changed_bytes(random.Random(seed), content, [content[::-1]]) for seed in range(300)]
    assert content not in made
    assert len(set(made)) > 290
