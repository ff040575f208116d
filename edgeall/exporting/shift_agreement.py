"""Agreement of INT8 verdicts with the float model's on shifted pictures (`edgeall.shifts.mild`) and on the user's."""

import dataclasses

import numpy as np
import numpy.typing as npt

from edgeall.artifact import ShiftAgreement
from edgeall.exporting import gate
from edgeall.exporting.export_context import Candidate, ExportContext
from edgeall.exporting.export_plan import Task
from edgeall.exporting.source_models import SHIFTED, VALIDATION


def with_shifts(candidate: Candidate, own: Candidate | None, task: Task, context: ExportContext) -> Candidate:
    """`candidate` with its agreement by kind of picture. It fails where it keeps fewer verdicts than `own`.

    Args:
        own: the candidate by the format's own calibration; None where it could not be made.
    """
    rows: list[ShiftAgreement] = []
    parity = candidate.parity
    for name in candidate.outputs:
        if name == VALIDATION:
            continue
        scores = context.pair(name, candidate.outputs, candidate.decision, task)
        own_scores = None if own is None else context.pair(name, own.outputs, own.decision, task)
        kinds = context.picture_kinds(name)
        for kind in dict.fromkeys(kinds.tolist()):
            of = scores.clear & (kinds == kind)
            rows.append(
                ShiftAgreement(
                    kind,
                    int(of.sum()),
                    float(scores.same[of].mean()) if of.any() else None,
                    float(own_scores.same[of].mean()) if own_scores is not None and of.any() else None,
                )
            )
        if own_scores is not None and candidate is not own:
            clear, pictures = scores.clear, _pictures(kinds)
            what = "changed pictures" if name == SHIFTED else "the other pictures"
            criterion = gate.sign_test(scores.same[clear], own_scores.same[clear], pictures[clear], what)
            parity = gate.with_criterion(parity, criterion)
    return candidate.with_parity(dataclasses.replace(parity, shifts=tuple(rows)))


def _pictures(kinds: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Number of the picture that each image is made from, (n,): every kind has the same pictures in the same order."""
    numbers = np.zeros(len(kinds), np.int64)
    for kind in dict.fromkeys(kinds.tolist()):
        of = kinds == kind
        numbers[of] = np.arange(of.sum())
    return numbers
