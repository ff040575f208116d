"""Ensembles on a device: the records of their members, combined.

Members ran in turn, each in processes of its own, and an ensemble costs what they cost together: times of the same
round and place in it add up, and so do sizes and peaks of memory. Model latency and size are what running one after
the other takes. Memory, cold start and end to end are upper bounds: one program would load interpreter and engine, and
read and decode the image, only once.
"""

import dataclasses
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeall.artifact import Artifact, GateOutcome, Parity
from edgeall.benching import instruction_counts
from edgeall.benching.held_out_images import TestSet
from edgeall.benching.results_from_records import Measured, Subject
from edgeall.ensembling import Ensemble
from edgeall.measuring.records import Record
from edgeall.results.accuracy import SPLITS
from edgeall.results.pairing import numbered

_SUMS = ("load_ns", "first_inference_ns", "cold_start_ns")
_LISTS = ("model_ns", "end_to_end_ns")
_WORST_FIRST: tuple[GateOutcome, ...] = ("failed", "unproven", "passed")
_LEAST_CAREFUL_FIRST = ("unknown", "other", "image", "subject")
assert set(_LEAST_CAREFUL_FIRST) == set(SPLITS)


@dataclass(frozen=True)
class EnsembleRecords:
    """What stands for an ensemble, recipe and thread count, as if it had been measured as one artifact.

    Attributes:
        members: paths of the artifacts that it is made of.
        apart: a round of one member was measured in another session than the same round of the others.
    """

    measured: Measured
    members: list[str]
    apart: bool


def together(measured: Sequence[Measured], ensembles: Sequence[Ensemble]) -> list[EnsembleRecords]:
    """One for each ensemble, recipe, engine and thread count that all its members were measured with.

    Members that were not scored on the same images, or have no round in common, make none.
    """
    found = []
    for ensemble in ensembles:
        own: list[dict[tuple[str, ...], Measured]] = [
            {_kind(m): m for m in measured if m.subject.run_folder is not None
             and m.subject.run_folder.resolve() == member.resolve()}
            for member in ensemble.members
        ]  # fmt: skip
        for kind in own[0]:
            members = [each[kind] for each in own if kind in each]
            if len(members) == len(own) and len({_images(m) for m in members}) == 1 and _rounds(members):
                found.append(_combined(ensemble, members))
    return found


def _kind(m: Measured) -> tuple[str, ...]:
    metadata, engine = m.subject.artifact.metadata, _result(m.accuracy)["engine"]
    recipe = metadata.recipe.get("name", f"{metadata.format}-{metadata.precision}")
    return (
        str(recipe),
        metadata.format,
        metadata.precision,
        engine["name"],
        engine["version"],
        str(m.threads),
    )


def _images(m: Measured) -> tuple[tuple[str, int], ...]:
    """The images that it was scored on and their truth, in no order."""
    tests = m.subject.tests
    return tuple(sorted(zip((image.sha256 for image in tests.images), tests.truth, strict=True)))


def _combined(ensemble: Ensemble, members: Sequence[Measured]) -> EnsembleRecords:
    first, rounds = members[0], _rounds(members)
    whole = _artifact(ensemble, [m.subject.artifact for m in members])

    def own(record: Record) -> Record:
        return dataclasses.replace(record, key="", artifact=whole.sha256)

    memory = _memory([m.memory for m in members])
    combined = Measured(
        subject=Subject(
            f"{ensemble.path}/{_kind(first)[0]}",
            whole,
            ensemble.path,
            _tests([m.subject.tests for m in members]),
        ),
        threads=first.threads,
        accuracy=own(_accuracy(members)),
        memory=None if memory is None else own(memory),
        rounds=tuple(own(_round(records)) for records in rounds),
        counted=instruction_counts.together([m.counted for m in members]),
    )
    apart = any(len({record.session for record in records}) > 1 for records in rounds)
    return EnsembleRecords(combined, [m.subject.shown for m in members], apart)


def _artifact(ensemble: Ensemble, members: Sequence[Artifact]) -> Artifact:
    """What stands for the members' files: the ensemble's decision, their sizes together."""
    of_first, origins = members[0].metadata, [member.metadata.provenance for member in members]
    origin = dataclasses.replace(
        of_first.provenance,
        run=ensemble.name,
        backbone=ensemble.backbone,
        head="+".join(dict.fromkeys(origin.head for origin in origins)),
        weights="; ".join(dict.fromkeys(origin.weights for origin in origins)),
        # There is no one model file: the ensemble's folder tells it from others.
        model_sha256="",
    )
    metadata = dataclasses.replace(
        of_first,
        decision=ensemble.decision,
        provenance=origin,
        parity=_parity([member.metadata.parity for member in members]),
    )
    identity = "\n".join([ensemble.name, repr(ensemble.decision), *(member.sha256 for member in members)])
    sha256 = hashlib.sha256(identity.encode()).hexdigest()
    return Artifact(members[0].path, metadata, sha256, sum(member.size_bytes for member in members))


def _parity(members: Sequence[Parity | None]) -> Parity | None:
    """The worst of the members': one that failed its gate fails the ensemble, one that is unproven leaves it so.

    None where a member's is not known, unless another failed.
    """
    known = [parity for parity in members if parity is not None]
    worst = min(
        known,
        key=lambda parity: (_WORST_FIRST.index(parity.word), -parity.mean_abs_diff),
        default=None,
    )
    if len(known) < len(members) and worst is not None and worst.word != "failed":
        return None
    return worst


def _tests(members: Sequence[TestSet]) -> TestSet:
    """The first member's, held out as surely as the least surely held out of them."""
    ways = {tests.grouped_by for tests in members}
    return dataclasses.replace(
        members[0], grouped_by=next(way for way in _LEAST_CAREFUL_FIRST if way in ways)
    )


def _accuracy(members: Sequence[Measured]) -> Record:
    """Mean probabilities, in the first member's order; an image that one member could not read is unreadable."""
    results = [_result(m.accuracy) for m in members]
    order = _numbered(members[0].subject.tests)
    columns = []
    for m, result in zip(members, results, strict=True):
        answers = dict(zip(_numbered(m.subject.tests), result["probabilities"], strict=True))
        columns.append([answers[image] for image in order])
    rows = zip(*columns, strict=True)
    executed = [result["executed_precision"] for result in results]
    dominant = {each["dominant"] for each in executed}
    combined = {
        "probabilities": [None if None in row else np.mean(row, axis=0).tolist() for row in rows],
        "unreadable": {name: why for result in results for name, why in result["unreadable"].items()},
        "executed_precision": {
            "dominant": dominant.pop() if len(dominant) == 1 else "mixed",
            **{key: _added([each[key] for each in executed]) for key in ("operators", "float_operators")},
            "conversions": sum(each["conversions"] for each in executed),
        },
        # Of its members, each of which has its own.
        "selftest": None,
    }
    return _record([m.accuracy for m in members], results[0] | combined)


def _numbered(tests: TestSet) -> list[tuple[str, int]]:
    """Images by their bytes."""
    return numbered([image.sha256 for image in tests.images])


def _memory(members: Sequence[Record | None]) -> Record | None:
    known = [record for record in members if record is not None]
    peaks = [_result(record)["peak_rss_bytes"] for record in known]
    if len(known) < len(members) or None in peaks:
        return None
    return _record(known, {"peak_rss_bytes": sum(peaks)})


def _rounds(members: Sequence[Measured]) -> list[list[Record]]:
    """Of each round that all members had, their records."""
    of_number = [{record.round: record for record in m.rounds} for m in members]
    shared = sorted(set.intersection(*map(set, of_number)))
    return [[each[number] for each in of_number] for number in shared]


def _round(records: Sequence[Record]) -> Record:
    results = [_result(record) for record in records]
    sums: dict[str, Any] = {key: sum(result[key] for result in results) for key in _SUMS}
    for key in _LISTS:
        # One member has had more runs than another in the same time: as many count as all have.
        sums[key] = [sum(each) for each in zip(*(result[key] for result in results), strict=False)]
    return dataclasses.replace(
        _record(records, results[0] | {"stages": None} | sums), session=_session(records)
    )


def _session(records: Sequence[Record]) -> int:
    """The members' session; where they had several, a mark of its own for just those, in the same millisecond.

    Rounds of equal session and number are taken for measured in turn, and those were not: they may be set against
    rounds of the same sessions, and against no others.
    """
    sessions = [record.session for record in records]
    if len(set(sessions)) == 1:
        return sessions[0]
    return max(sessions) + 1 + zlib.crc32(repr(sessions).encode()) % 1_000_000


def _record(members: Sequence[Record], result: dict[str, Any]) -> Record:
    first = members[0]
    thermal = dict(first.thermal)
    for key, worst in (("throttled", any), ("hot", any), ("before_c", max), ("after_c", max)):
        known = [record.thermal[key] for record in members if record.thermal[key] is not None]
        thermal[key] = worst(known) if known else None
    return dataclasses.replace(first, result=result, thermal=thermal)


def _added(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(each.get(name, 0) for each in counts) for each in counts for name in each}


def _result(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
