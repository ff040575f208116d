"""From the records of members to what stands for their ensemble: sums of costs, the mean of what they say."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import DECISION
from test_results_from_records import TESTS, accuracy, latency, memory, rounds, subject

from edgeall.artifact import Parity
from edgeall.benching.ensembles import EnsembleRecords, together
from edgeall.benching.results_from_records import Measured, Subject, gather, results_of
from edgeall.ensembling import Ensemble
from edgeall.measuring.plan import BenchSettings
from edgeall.measuring.records import Record
from edgeall.results import to_json

PATHS = (Path("runs/one"), Path("runs/other"))
ENSEMBLE = Ensemble(
    Path("runs/both"),
    PATHS,
    ("1", "2"),
    "one+other",
    dataclasses.replace(DECISION, threshold=0.4),
    "image",
    {},
)


def member(path: Path, precision: Any = "float32") -> Subject:
    return dataclasses.replace(subject(precision, path.name), run_folder=path)


ONE, OTHER = (member(path) for path in PATHS)


def whole(records: list[Record], subjects: tuple[Subject, ...] = (ONE, OTHER)) -> list[EnsembleRecords]:
    return together(gather(subjects, records), [ENSEMBLE])


def everything(one: Subject = ONE, other: Subject = OTHER, session: int = 1) -> list[Record]:
    return [
        accuracy(one, wrong=2),
        accuracy(other),
        memory(one),
        memory(other),
        *rounds(4.0, 5.0, 6.0, of=one),
        *rounds(20.0, 21.0, 23.0, of=other, session=session),
    ]


def row_of(found: EnsembleRecords) -> dict[str, Any]:
    return rows([found.measured])[0]


def rows(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    return list(to_json(results_of(measured, BenchSettings(), False)))


def test_times_of_a_round_add_up_and_so_do_size_and_memory() -> None:
    (found,) = whole(everything())
    row = row_of(found)
    assert [told["median"] for told in row["latency_ms"]["rounds"]] == pytest.approx([24.0, 26.0, 29.0])
    assert row["end_to_end_ms"]["mean"] == pytest.approx(2 * row["latency_ms"]["mean"])
    assert row["throughput_per_s"] == pytest.approx(1e3 / row["latency_ms"]["mean"])
    assert row["cold_starts_ms"] == [400.0, 402.0, 404.0]
    assert (row["size_bytes"], row["peak_rss_bytes"]) == (2000, 14_000_000)
    assert (row["run"], row["backbone"], row["threshold"]) == ("both", "one+other", 0.4)
    assert found.members == [ONE.shown, OTHER.shown]
    assert not found.apart


def test_members_keep_their_own_figures() -> None:
    measured = gather((ONE, OTHER), everything())
    (found,) = together(measured, [ENSEMBLE])
    alone = rows(measured)
    assert rows([*measured, found.measured])[:2] == alone
    assert alone[0]["accuracy"]["value"] == 0.9


def test_of_unequal_numbers_of_runs_as_many_count_as_all_have() -> None:
    records = [accuracy(ONE), accuracy(OTHER), latency(ONE, [1.0] * 30), latency(OTHER, [2.0] * 12)]
    (found,) = whole(records)
    assert row_of(found)["latency_ms"]["raw"] == [3.0] * 12


def test_the_answers_are_averaged_image_by_image_whatever_their_order() -> None:
    (found,) = whole(everything())
    turned = dataclasses.replace(
        OTHER,
        tests=dataclasses.replace(
            TESTS, images=TESTS.images[::-1], truth=TESTS.truth[::-1], subjects=TESTS.subjects[::-1]
        ),
    )
    records = everything()
    assert records[1].result is not None
    records[1] = dataclasses.replace(
        records[1], result=records[1].result | {"probabilities": records[1].result["probabilities"][::-1]}
    )
    (again,) = whole(records, (ONE, turned))
    scores = row_of(found)["predictions"]["scores"]
    # 0.8 or 0.2, and the first two the other way round for one of the members.
    truth = np.asarray(TESTS.truth)
    np.testing.assert_allclose(scores[2:], np.where(truth, 0.8, 0.2)[2:])
    np.testing.assert_allclose(scores[:2], [0.5, 0.5])
    assert row_of(again)["predictions"] == row_of(found)["predictions"]


def test_an_image_that_one_member_could_not_read_counts_for_none() -> None:
    records = everything()
    records[1] = accuracy(OTHER, unreadable=3)
    (found,) = whole(records)
    row = row_of(found)
    assert row["n"] == len(TESTS.truth) - 1
    assert row["unreadable"] == {"im3.png": "truncated"}


def test_members_scored_on_other_images_make_nothing_together() -> None:
    fewer = dataclasses.replace(
        TESTS, images=TESTS.images[:-1], truth=TESTS.truth[:-1], subjects=TESTS.subjects[:-1]
    )
    assert whole(everything(), (ONE, dataclasses.replace(OTHER, tests=fewer))) == []


def test_members_without_a_common_round_make_nothing_together() -> None:
    """Each lost the round that the other has."""
    records = [accuracy(ONE), accuracy(OTHER), latency(ONE, [1.0] * 12, 0), latency(OTHER, [2.0] * 12, 1)]
    assert whole(records) == []


@pytest.mark.parametrize("lacking", ["other", "int8"])
def test_nothing_stands_for_a_kind_that_not_all_members_have(lacking: str) -> None:
    other = OTHER if lacking == "other" else member(PATHS[1], "int8")
    records = everything(other=other)
    subjects = (ONE,) if lacking == "other" else (ONE, other)
    assert whole(records, subjects) == []


def test_members_of_different_engines_make_nothing_together() -> None:
    records = everything()
    assert records[1].result is not None
    newer = records[1].result | {"engine": {"name": "an-engine", "version": "2"}}
    records[1] = dataclasses.replace(records[1], result=newer)
    assert whole(records) == []


def test_rounds_of_different_sessions_are_told_and_pair_with_none_of_either() -> None:
    (found,) = whole(everything(session=2))
    assert found.apart
    marks = {record.session for record in found.measured.rounds}
    assert len(marks) == 1
    assert not marks & {1, 2}
    # But what was made of the same two sessions was measured under the same conditions.
    quantized = tuple(member(path, "int8") for path in PATHS)
    (again,) = whole(everything(*quantized, session=2), quantized)
    assert {record.session for record in again.measured.rounds} == marks


def test_an_int8_ensemble_is_set_against_its_float() -> None:
    quantized = tuple(member(path, "int8") for path in PATHS)
    found = whole([*everything(), *everything(*quantized)], (ONE, OTHER, *quantized))
    float32, int8 = rows([each.measured for each in found])
    assert float32["vs_float"] is None
    assert int8["vs_float"]["agreement"] == 1.0
    assert int8["vs_float"]["latency_ratio"]["value"] == pytest.approx(1.0)


def test_a_memory_that_no_system_told_is_not_known() -> None:
    records = everything()
    records[3] = dataclasses.replace(records[3], result={"peak_rss_bytes": None})
    (found,) = whole(records)
    assert row_of(found)["peak_rss_bytes"] is None


def test_a_member_that_failed_its_parity_fails_the_ensemble() -> None:
    metadata = OTHER.artifact.metadata
    assert metadata.parity is not None
    failed = dataclasses.replace(metadata, parity=dataclasses.replace(metadata.parity, passed=False))
    other = dataclasses.replace(OTHER, artifact=dataclasses.replace(OTHER.artifact, metadata=failed))
    (found,) = whole(everything(), (ONE, other))
    assert row_of(found)["parity"]["passed"] is False


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        ((True, None), None),
        ((None, True), None),
        ((None, False), False),
        ((False, None), False),
        ((True, True), True),
    ],
)
def test_an_ensembles_parity_is_the_worst_of_its_members(
    outcomes: tuple[bool | None, ...], worst: bool | None
) -> None:
    members = []
    for of, passed in zip((ONE, OTHER), outcomes, strict=True):
        metadata = of.artifact.metadata
        assert metadata.parity is not None
        parity = dataclasses.replace(
            metadata.parity, passed=passed, outcome="unproven" if passed is None else None
        )
        changed = dataclasses.replace(metadata, parity=parity)
        members.append(dataclasses.replace(of, artifact=dataclasses.replace(of.artifact, metadata=changed)))
    (found,) = whole(everything(*members), (members[0], members[1]))
    assert row_of(found)["parity"]["passed"] is worst


@pytest.mark.parametrize("known", ["passed", "unproven", "failed"])
def test_an_ensembles_parity_is_not_known_where_a_members_is_not_unless_another_failed(known: str) -> None:
    passed = {"passed": True, "unproven": None, "failed": False}[known]
    parities = (Parity(8, 1.0, 0.0, 0.0, passed, outcome=known), None)  # type: ignore[arg-type]
    one, other = (
        dataclasses.replace(
            of,
            artifact=dataclasses.replace(
                of.artifact, metadata=dataclasses.replace(of.artifact.metadata, parity=parity)
            ),
        )
        for of, parity in zip((ONE, OTHER), parities, strict=True)
    )
    (found,) = whole(everything(one, other), (one, other))
    told = row_of(found)["parity"] or {"outcome": "not known"}
    assert told["outcome"] == ("failed" if known == "failed" else "not known")


def test_the_ensembles_threshold_counts_whatever_its_members_are() -> None:
    """Scores of members are .8 and .2, and their mean is called at the ensemble's .4."""
    quantized = []
    for path, threshold in zip(PATHS, (0.1, 0.9), strict=True):
        of = member(path, "int8")
        own = dataclasses.replace(
            of.artifact.metadata, decision=dataclasses.replace(DECISION, threshold=threshold)
        )
        quantized.append(dataclasses.replace(of, artifact=dataclasses.replace(of.artifact, metadata=own)))
    (found,) = whole(everything(*quantized), (quantized[0], quantized[1]))
    row = row_of(found)
    assert row["threshold"] == 0.4
    assert row["predictions"]["positive"] == [score >= 0.4 for score in row["predictions"]["scores"]]
    alone = rows(gather(tuple(quantized), everything(*quantized)))
    assert [each["threshold"] for each in alone] == [0.1, 0.9]
    assert [sum(each["predictions"]["positive"]) for each in alone] == [20, 0]


def test_it_is_held_out_no_more_surely_than_its_members() -> None:
    unsure = dataclasses.replace(OTHER, tests=dataclasses.replace(TESTS, grouped_by="unknown"))
    (found,) = whole(everything(), (ONE, unsure))
    assert row_of(found)["split"] == {"grouped_by": "unknown"}


def test_heat_of_one_member_is_heat_of_all() -> None:
    records = everything()
    records[-1] = dataclasses.replace(
        records[-1], thermal={"before_c": 70.0, "after_c": 80.0, "throttled": True, "hot": None}
    )
    (found,) = whole(records)
    thermal = row_of(found)["thermal"]
    assert (thermal["max_c"], thermal["throttled"]) == (80.0, True)
