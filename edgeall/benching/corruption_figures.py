"""Figures of an artifact's answers to corrupted images, from their records."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.measuring.records import Record
from edgeall.results.corruptions import CorruptionPoint, Corruptions
from edgeall.results.differences import Difference, auc_test, verdict_test
from edgeall.shifts.corruptions import CHANGES, CORRUPTIONS, UNCHANGED, parts
from edgeall.statistics import classification_metrics, clusters, holm, is_positive, positive_score, share

Comparison = Literal["versus_clean", "versus_float"]


@dataclass(frozen=True)
class Answered:
    """An artifact's records of corrupted images, by change, and its decision."""

    decision: Decision
    records: Mapping[str, Record]


@dataclass(frozen=True)
class _Answers:
    """Of one change: columns of the images that could be read, in order."""

    names: tuple[str, ...]
    subjects: list[str | None]
    truth: npt.NDArray[np.int64]
    positive: list[bool]
    probabilities: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    called: npt.NDArray[np.bool_]
    refused: npt.NDArray[np.bool_] | None


def corruptions(
    of: Answered,
    base: Answered | None,
    truth: Mapping[str, int],
    subjects: Mapping[str, str | None],
) -> Corruptions | None:
    """The figures; None without records of unchanged images, or of no corruption.

    Args:
        base: of the float32 artifact of the same run and format; None for that artifact itself.
        truth, subjects: by name of image.
    """
    own = _answers(of, truth, subjects)
    clean = own.pop(UNCHANGED, None)
    if clean is None or not own:
        return None
    beside = {} if base is None else _answers(base, truth, subjects)
    unchanged = _point(UNCHANGED, clean, None, beside.get(UNCHANGED), of.decision)
    points = [_point(change, each, clean, beside.get(change), of.decision) for change, each in own.items()]
    cluster = clusters(clean.subjects, len(clean.names))
    record = of.records[UNCHANGED]
    return Corruptions(
        most=len(_result(record)["names"]),
        clusters=None if cluster is None else int(cluster.max()) + 1,
        unchanged=unchanged,
        points=tuple(_adjusted(_adjusted(points, "versus_clean"), "versus_float")),
    )


def _answers(
    of: Answered, truth: Mapping[str, int], subjects: Mapping[str, str | None]
) -> dict[str, _Answers]:
    """By change, in the order of `CHANGES`; changes of which no image could be read are left out."""
    found = {}
    for change in CHANGES:
        if change not in of.records:
            continue
        result = _result(of.records[change])
        read = [index for index, row in enumerate(result["probabilities"]) if row is not None]
        if not read:
            continue
        names = tuple(result["names"][index] for index in read)
        indices = np.array([truth[name] for name in names], np.int64)
        probabilities = np.array([result["probabilities"][index] for index in read], np.float64)
        scores = positive_score(probabilities, of.decision)
        found[change] = _Answers(
            names=names,
            subjects=[subjects[name] for name in names],
            truth=indices,
            positive=is_positive(indices, of.decision).tolist(),
            probabilities=probabilities,
            scores=scores,
            called=np.asarray(scores >= of.decision.threshold),
            refused=None if result["refused"] is None else np.array(result["refused"], bool)[read],
        )
    return found


def _point(
    change: str, answers: _Answers, clean: _Answers | None, base: _Answers | None, decision: Decision
) -> CorruptionPoint:
    metrics = classification_metrics(answers.truth, answers.probabilities, decision, answers.subjects)
    cluster = clusters(answers.subjects, len(answers.names))
    refused, right = answers.refused, answers.called == np.array(answers.positive)
    corruption, strength = parts(change)
    comparable = clean is not None and clean.names == answers.names
    return CorruptionPoint(
        corruption=corruption,
        strength=strength,
        meaning=CORRUPTIONS[corruption].in_words(strength) if strength else None,
        n=len(answers.names),
        accuracy=metrics.accuracy,
        auc=metrics.auc,
        sensitivity=metrics.sensitivity,
        specificity=metrics.specificity,
        agreement=share(answers.called == clean.called, cluster) if clean and comparable else None,
        refused=None if refused is None else int(refused.sum()),
        accepted_accuracy=None if refused is None else share(right, cluster, ~refused),
        versus_clean=_differences(clean, answers),
        versus_float=_differences(base, answers),
    )


def _differences(a: _Answers | None, b: _Answers) -> tuple[Difference, ...]:
    """Of b less a, on images that both read; none where they read others."""
    if a is None or a.names != b.names:
        return ()
    found = (
        verdict_test("accuracy", b.positive, a.called, b.called, b.subjects),
        auc_test(b.positive, a.scores.tolist(), b.scores.tolist(), b.subjects),
    )
    return tuple(each for each in found if each is not None)


def _adjusted(points: Sequence[CorruptionPoint], comparison: Comparison) -> list[CorruptionPoint]:
    """The points with Holm's p-values of one comparison, within each metric over all points."""
    found: list[tuple[Difference, ...]] = [getattr(point, comparison) for point in points]
    every = [each for differences in found for each in differences if each.p_value is not None]
    p_of: dict[int, float] = {}
    for metric in dict.fromkeys(each.metric for each in every):
        family = [each for each in every if each.metric == metric]
        p_values = holm([each.p_value for each in family if each.p_value is not None])
        p_of |= {id(each): p for each, p in zip(family, p_values, strict=True)}
    changed: list[Any] = [
        tuple(dataclasses.replace(each, p_adjusted=p_of.get(id(each))) for each in differences)
        for differences in found
    ]
    return [
        dataclasses.replace(point, **{comparison: differences})
        for point, differences in zip(points, changed, strict=True)
    ]


def _result(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
