"""INT8 beside the format's own calibration on changed pictures: what counts as evidence, and what is told."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from small_run import DECISION

from edgeall.artifact import Parity
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.export_context import Candidate
from edgeall.exporting.paired_scores import PairedScores, pair_scores
from edgeall.exporting.shift_agreement import with_shifts
from edgeall.exporting.source_models import ALSO, SHIFTED
from edgeall.shifts.mild import FOR_EXPORT

PICTURES = 10
"""All of them clear findings to the float model."""
CHANGES = len(FOR_EXPORT)


def candidate(method: str, lost: dict[str, list[int]]) -> Candidate:
    """One that loses the float model's verdict on these images of a set."""
    outputs = {}
    for name, count in ((SHIFTED, PICTURES * CHANGES), (ALSO, PICTURES)):
        score = np.full(count, 0.9)
        score[lost.get(name, [])] = 0.1
        outputs[name] = np.stack([1 - score, score], axis=1)
    empty = pair_scores([0, 1], [None] * 2, np.eye(2), np.eye(2), DECISION, DECISION)
    attempt = Attempt(method, "engine", Parity(10, 1.0, 0.0, 0.0, True, outcome="passed"), 1.0)
    return Candidate(attempt, Path("file"), (), method != "min-max", DECISION, outputs, empty)


def outcome(shared: dict[str, list[int]], own: dict[str, list[int]]) -> Parity:
    """Of a shared model beside the format's own calibration."""

    def pair(name: str, outputs: Any, decision: Any, task: Any) -> PairedScores:
        reference = np.tile([0.05, 0.95], (len(outputs[name]), 1))
        count = len(reference)
        return pair_scores([1] * count, [None] * count, reference, outputs[name], DECISION, decision)

    def kinds(name: str) -> Any:
        if name == SHIFTED:
            return np.array([change for change in FOR_EXPORT for _ in range(PICTURES)])
        return np.full(PICTURES, "other pictures")

    context: Any = SimpleNamespace(pair=pair, picture_kinds=kinds)
    task: Any = None
    return with_shifts(candidate("gptq", shared), candidate("min-max", own), task, context).parity


def of_picture(number: int) -> list[int]:
    """The images of a picture under all changes, in the order of changes."""
    return [change * PICTURES + number for change in range(CHANGES)]


def test_one_picture_under_all_changes_is_not_enough_to_fail_an_artifact() -> None:
    found = outcome({SHIFTED: of_picture(3)}, {})
    assert found.outcome == "passed"
    assert [each.agreement for each in found.shifts[:CHANGES]] == [0.9] * CHANGES


def test_as_many_verdicts_of_several_pictures_are() -> None:
    found = outcome({SHIFTED: list(range(CHANGES))}, {})
    assert found.outcome == "failed"
    assert found.reasons[0].startswith("on changed pictures 90.0% of clear verdicts agree")


def test_each_of_the_users_own_pictures_counts() -> None:
    assert outcome({ALSO: [0, 1, 2, 3]}, {}).outcome == "passed"
    assert outcome({ALSO: [0, 1, 2, 3, 4]}, {}).outcome == "failed"
    assert outcome({ALSO: [0, 1, 2, 3, 4]}, {ALSO: [0]}).outcome == "passed"
