"""Ensembles on a device: what their members' records say of them together.

Members ran one after the other, each in processes of its own. An ensemble costs what they cost together: times of the
same round and place in it add up, and so do sizes. Its memory is the sum of the members' peaks, which is an upper
bound where they could give memory back in between.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeall.artifact import Artifact, Parity
from edgeall.benching.results import Measured, Subject
from edgeall.ensembling import Ensemble
from edgeall.measuring.records import Record

_SUMS = ("load_ns", "first_inference_ns", "cold_start_ns")
_LISTS = ("model_ns", "end_to_end_ns")


def together(measured: Sequence[Measured], ensembles: Sequence[Ensemble]) -> list[tuple[Measured, list[str]]]:
    """One more measured thing for each ensemble, recipe and thread count that all of its members were measured with.

    Returns:
        Each with the paths of the artifacts that it is made of.
    """
    found = []
    for ensemble in ensembles:
        own: list[dict[tuple[str, ...], Measured]] = [
            {_kind(m): m for m in measured if m.subject.run_folder is not None
             and m.subject.run_folder.resolve() == member.resolve()}
            for member in ensemble.members
        ]  # fmt: skip
        for kind in own[0]:
            if all(kind in each for each in own):
                members = [each[kind] for each in own]
                found.append((_combined(ensemble, members), [m.subject.shown for m in members]))
    return found


def _kind(m: Measured) -> tuple[str, ...]:
    metadata = m.subject.artifact.metadata
    return (metadata.format, metadata.precision, str(metadata.recipe.get("name", "")), str(m.threads))


def _combined(ensemble: Ensemble, members: Sequence[Measured]) -> Measured:
    first = members[0]
    whole = _artifact(ensemble, [m.subject.artifact for m in members])
    shown = f"{ensemble.path}/{'_'.join(_kind(first)[:2])}"

    def own(record: Record) -> Record:
        return dataclasses.replace(record, artifact=whole.sha256)

    memory = _memory([m.memory for m in members])
    return Measured(
        subject=Subject(shown, whole, ensemble.path, first.subject.tests),
        threads=first.threads,
        accuracy=own(_accuracy([m.accuracy for m in members])),
        memory=None if memory is None else own(memory),
        rounds=tuple(map(own, _rounds(members))),
    )


def _artifact(ensemble: Ensemble, members: Sequence[Artifact]) -> Artifact:
    """What stands for the members' files: the ensemble's decision, their sizes together."""
    of_first = members[0].metadata
    origin = dataclasses.replace(
        of_first.provenance,
        run=ensemble.name,
        backbone=ensemble.backbone,
        weights="; ".join(dict.fromkeys(member.metadata.provenance.weights for member in members)),
    )
    parities = [member.metadata.parity for member in members]
    metadata = dataclasses.replace(
        of_first, decision=ensemble.decision, provenance=origin, parity=_parity(parities)
    )
    identity = hashlib.sha256("\n".join([ensemble.name, *(m.sha256 for m in members)]).encode()).hexdigest()
    return Artifact(members[0].path, metadata, identity, sum(member.size_bytes for member in members))


def _parity(members: Sequence[Parity | None]) -> Parity | None:
    """The worst of the members': one that failed its gate fails the ensemble."""
    known = [parity for parity in members if parity is not None]
    return min(known, key=lambda parity: (parity.passed, -parity.mean_abs_diff)) if known else None


def _accuracy(members: Sequence[Record]) -> Record:
    """Mean probabilities; an image that one member could not read is unreadable."""
    results = [_result(record) for record in members]
    rows = zip(*(result["probabilities"] for result in results), strict=True)
    executed = [result["executed_precision"] for result in results]
    dominant = {each["dominant"] for each in executed}
    return _record(
        members,
        results[0]
        | {
            "probabilities": [None if None in row else np.mean(row, axis=0).tolist() for row in rows],
            "unreadable": {name: why for result in results for name, why in result["unreadable"].items()},
            "executed_precision": {
                "dominant": dominant.pop() if len(dominant) == 1 else "mixed",
                **{
                    key: _added([each[key] for each in executed])
                    for key in ("operators", "float_operators", "conversions")
                },
            },
        },
    )


def _memory(members: Sequence[Record | None]) -> Record | None:
    known = [record for record in members if record is not None]
    if len(known) < len(members):
        return None
    return _record(known, {"peak_rss_bytes": sum(_result(record)["peak_rss_bytes"] for record in known)})


def _rounds(members: Sequence[Measured]) -> tuple[Record, ...]:
    """Of the rounds that all members had in the same session."""
    of_round = [{(record.session, record.round): record for record in m.rounds} for m in members]
    shared = sorted(set.intersection(*(set(rounds) for rounds in of_round)))
    rounds = [[each[at] for each in of_round] for at in shared] or [[m.rounds[-1] for m in members]]
    return tuple(_round(records) for records in rounds)


def _round(records: Sequence[Record]) -> Record:
    results = [_result(record) for record in records]
    sums: dict[str, Any] = {key: sum(result[key] for result in results) for key in _SUMS}
    for key in _LISTS:
        sums[key] = [sum(each) for each in zip(*(result[key] for result in results), strict=False)]
    return _record(records, results[0] | sums)


def _record(members: Sequence[Record], result: dict[str, Any]) -> Record:
    first = members[0]
    thermal = dict(first.thermal)
    for key in ("throttled", "hot"):
        known = [record.thermal[key] for record in members if record.thermal[key] is not None]
        thermal[key] = any(known) if known else None
    return dataclasses.replace(first, key="", result=result, thermal=thermal)


def _added(counts: Sequence[Any]) -> Any:
    """Counts by name, or plain ones, summed."""
    if not all(isinstance(each, dict) for each in counts):
        return sum(counts)
    return {name: sum(each.get(name, 0) for each in counts) for each in counts for name in each}


def _result(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
