"""What a row tells of accelerators, batches, copies and energy, from records as a device sends them.

The figures are made up: they show the arithmetic, and no accelerator.
"""

import dataclasses
from typing import Any

import pytest

from edgeall.benching import cost_figures
from edgeall.measuring.records import Record
from edgeall.runtimes import Accelerator

MS = 1_000_000


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
    assert {part: figures["mean"] for part, figures in told.items()} == {
        "copy_in": 2.0,
        "compute": 5.0,
        "copy_out": 2.0,
    }
    assert told["compute"]["n"] == 22


def test_copies_that_cannot_be_told_have_a_reason_and_the_processor_has_none() -> None:
    assert cost_figures.copies([record({"stages": {"reason": "inside"}})] * 2) == {"reason": "inside"}
    assert cost_figures.copies([record({"stages": None}), record({})]) is None


def test_throughput_of_a_batch_counts_its_images() -> None:
    def told(batch: int, ms: int, round: int) -> Record:
        result = {"batch_ns": [ms * MS] * 6, "difference": 1e-6 * round, "stages": None}
        return record(result | {"card_memory": {"bytes": 7 * batch, "reason": None}}, batch, round)

    small, large = cost_figures.batches([told(2, 10, 0), told(2, 30, 1), told(64, 100, 0), told(64, 100, 1)])
    assert (small["batch"], small["throughput_per_s"], small["card_memory_bytes"]) == (2, 100.0, 14)
    assert (large["batch"], large["throughput_per_s"], large["difference"]) == (64, 640.0, 1e-6)
    assert small["latency_ms"]["n"] == 12
    assert small["latency_ms"]["spread"] == pytest.approx(1.0)
    assert large["latency_ms"]["spread"] == 0
    assert (small["noisy"], large["noisy"]) == (True, False)


def test_a_batch_that_was_throttled_says_so() -> None:
    result = {"batch_ns": [MS] * 6, "difference": 0.0, "stages": None, "card_memory": None}
    cool, hot = record(result, 64, 0), record(result, 64, 1)
    hot = dataclasses.replace(hot, thermal={"throttled": True, "hot": None})
    (told,) = cost_figures.batches([cool, hot])
    assert told["thermal"] == {"throttled": True, "hot": False}


def test_energy_is_in_millijoules_or_has_a_reason() -> None:
    assert cost_figures.energy(record({"energy": {"joules_per_inference": 0.25}}))["energy_mj"] == 250
    unknown = cost_figures.energy(record({"energy": {"joules_per_inference": None, "reason": "only root"}}))
    assert (unknown["energy_mj"], unknown["energy"]["reason"]) == (None, "only root")
    assert cost_figures.energy(None) == cost_figures.energy(record({})) == {"energy_mj": None, "energy": None}


def test_what_was_asked_for_stands_beside_where_it_ran() -> None:
    card = {"name": "NVIDIA Sample GPU", "driver": "550.54.15", "memory_bytes": 8 << 30}
    ran = record({"placement": {"CUDAExecutionProvider": 12}, "card": card})
    assert cost_figures.computed_on(ran, Accelerator("CUDAExecutionProvider", 1)) == {
        "accelerator": {"provider": "CUDAExecutionProvider", "device": 1},
        "placement": {"CUDAExecutionProvider": 12},
        "card": card,
    }
    assert cost_figures.computed_on(record({}), None) == dict.fromkeys(("accelerator", "placement", "card"))


def test_each_card_of_a_document_is_told_once() -> None:
    one, other = {"name": "one"}, {"name": "other"}
    told = [{"card": card} for card in (one, None, other, dict(one))]
    assert cost_figures.cards([*told, {}]) == [one, other]
