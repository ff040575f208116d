"""The threshold and the band of an INT8 model: they follow its scores, so that verdicts stay."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from small_run import draw, make_run

from edgeall.exporting.own_decision import own_decision
from edgeall.runs import Run

FLOAT = np.array([0.1, 0.2, 0.35, 0.45, 0.55, 0.65, 0.8, 0.9])
LOWER = FLOAT * 0.5
"""What an INT8 model answers whose scores are half the float model's."""


def run(folder: Path, threshold: float | None, refer: tuple[float, float] | None = None) -> Run:
    draw(folder / "data", {"all": 20, "healthy": 20})
    made = make_run(folder / "run", folder / "data")
    decision = dataclasses.replace(made.decision, threshold=0.5, refer=refer)
    return dataclasses.replace(made, settings={"threshold": threshold}, decision=decision)


def test_every_verdict_is_kept_by_a_threshold_of_its_own(tmp_path: Path) -> None:
    own = own_decision(run(tmp_path, None), FLOAT, LOWER)
    assert own.threshold == pytest.approx(0.25)
    assert ((own.threshold <= LOWER) == (FLOAT >= 0.5)).all()


def test_referred_images_stay_referred(tmp_path: Path) -> None:
    own = own_decision(run(tmp_path, None, (0.4, 0.6)), FLOAT, LOWER)
    assert own.refer == pytest.approx((0.2, 0.3))


def test_where_nothing_is_gained_all_stays(tmp_path: Path) -> None:
    free = run(tmp_path, None, (0.4, 0.6))
    assert own_decision(free, FLOAT, FLOAT + 0.01) == free.decision


def test_a_threshold_that_the_user_gave_stays(tmp_path: Path) -> None:
    assert own_decision(run(tmp_path, 0.5), FLOAT, LOWER).threshold == 0.5
