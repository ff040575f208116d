"""What a row tells of accelerators, batches, copies and energy, from records as a device sends them.

The figures are made up: they show the arithmetic, and no accelerator.
"""

import dataclasses
from typing import Any

import pytest
from bench_documents import document, result

from edgeall.benching import cost_figures
from edgeall.measuring.records import Record
from edgeall.results import build, to_json
from edgeall.results.costs import Card, Copies
from edgeall.results.document import Result

MS = 1_000_000


def read_result(**changes: Any) -> Result:
    return build("bench", document([result(**changes)])).results[0]


def record(result: dict[str, Any], batch: int = 1, round: int = 0) -> Record:
    return Record("k", 1, "a" * 64, "batch", 1, round, result, None, {}, batch)


def stages(copy_in: int, compute: int, copy_out: int) -> dict[str, list[int]]:
    return {
        "copy_in_ns": [copy_in * MS] * 11,
        "compute_ns": [compute * MS] * 11,
        "copy_out_ns": [copy_out * MS] * 11,
    }


def test_copies_are_in_milliseconds_over_all_rounds() -> None:
    told = cost_figures.copies(
        [record({"stages": stages(1, 5, 2)}), record({"stages": stages(3, 5, 2)}, round=1)]
    )
    assert told is not None
    parts = (told.copy_in, told.compute, told.copy_out)
    assert [part and (part.n, part.mean) for part in parts] == [(22, 2.0), (22, 5.0), (22, 2.0)]


def test_copies_that_cannot_be_told_have_a_reason_and_the_processor_has_none() -> None:
    assert cost_figures.copies([record({"stages": {"reason": "inside"}})] * 2) == Copies(reason="inside")
    assert cost_figures.copies([record({"stages": None}), record({})]) is None


def test_throughput_of_a_batch_counts_its_images() -> None:
    def told(batch: int, ms: int, round: int) -> Record:
        result = {"batch_ns": [ms * MS] * 6, "difference": 1e-6 * round, "stages": None}
        return record(result | {"card_memory": {"bytes": 7 * batch, "reason": None}}, batch, round)

    small, large = cost_figures.batches([told(2, 10, 0), told(2, 30, 1), told(64, 100, 0), told(64, 100, 1)])
    assert (small.batch, small.throughput_per_s, small.card_memory_bytes) == (2, 100.0, 14)
    assert (large.batch, large.throughput_per_s, large.difference) == (64, 640.0, 1e-6)
    assert small.latency_ms is not None
    assert large.latency_ms is not None
    assert small.latency_ms.n == 12
    assert small.latency_ms.spread == pytest.approx(1.0)
    assert large.latency_ms.spread == 0
    assert (small.noisy, large.noisy) == (True, False)


def test_a_batch_that_was_throttled_says_so() -> None:
    result = {"batch_ns": [MS] * 6, "difference": 0.0, "stages": None, "card_memory": None}
    cool, hot = record(result, 64, 0), record(result, 64, 1)
    hot = dataclasses.replace(hot, thermal={"throttled": True, "hot": None})
    (told,) = cost_figures.batches([cool, hot])
    assert (told.throttled, told.hot) == (True, False)


def test_energy_is_known_or_has_a_reason() -> None:
    known = cost_figures.energy(record({"energy": {"joules_per_inference": 0.25}}))
    assert known is not None
    assert known.joules_per_inference == 0.25
    unknown = cost_figures.energy(record({"energy": {"joules_per_inference": None, "reason": "only root"}}))
    assert unknown is not None
    assert (unknown.joules_per_inference, unknown.reason) == (None, "only root")
    assert cost_figures.energy(None) is cost_figures.energy(record({})) is None


def test_an_accelerator_is_named() -> None:
    found = {
        "name": "NVIDIA Sample GPU",
        "driver": "550.54.15",
        "memory_bytes": 8 << 30,
        "compute_capability": "9.0",
    }
    assert cost_figures.card(record({"card": found})) == Card(
        "NVIDIA Sample GPU", "550.54.15", 8 << 30, "9.0"
    )
    assert cost_figures.card(record({})) is None


def test_each_card_is_listed_once() -> None:
    one, other = Card("one"), Card("other")
    results = [read_result(card=to_json(card)) for card in (one, None, other, Card("one"))]
    assert cost_figures.cards(results) == (one, other)
