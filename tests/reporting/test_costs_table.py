"""Batches, copies and energy, as people see them. The figures are made up."""

from typing import Any

import pytest

from edgeall.errors import MeasurementError
from edgeall.reporting import costs_table
from edgeall.reporting.checked import At


def timing(p50: float | None) -> dict[str, Any]:
    return {"n": 20, "p50": p50}


PLAIN: dict[str, Any] = {"latency_ms": timing(4.0), "throughput_per_s": 250.0}
PARTS = {"copy_in": timing(1.0), "compute": timing(2.5), "copy_out": timing(0.5)}
ON_CARD = PLAIN | {"accelerator": {"provider": "CUDAExecutionProvider", "device": 0}, "copies_ms": PARTS}


def read(document: dict[str, Any]) -> Any:
    return costs_table.read(At("result", document))


def test_single_images_on_the_processor_need_no_second_table() -> None:
    assert read(PLAIN) == read(PLAIN | {"batches": [], "energy_mj": None, "accelerator": None}) == ()


def test_an_accelerators_copies_stand_apart() -> None:
    (one,) = read(ON_CARD)
    assert (one.batch, one.p50, one.copy_in, one.compute, one.copy_out) == (1, 4.0, 1.0, 2.5, 0.5)


def test_copies_that_cannot_be_told_are_unknown() -> None:
    (one,) = read(ON_CARD | {"copies_ms": {"reason": "inside"}})
    assert (one.copy_in, one.compute, one.copy_out) == (None, None, None)


def test_energy_is_that_of_single_images() -> None:
    entry = {"batch": 8, "latency_ms": timing(16.0), "throughput_per_s": 500.0, "card_memory_bytes": 7}
    one, eight = read(PLAIN | {"energy_mj": 30.5, "batches": [entry]})
    assert (one.energy_mj, eight.energy_mj) == (30.5, None)
    assert (eight.batch, eight.p50, eight.per_second, eight.card_bytes) == (8, 16.0, 500.0, 7)


@pytest.mark.parametrize(
    "wrong",
    [{"energy_mj": -1}, {"batches": 3}, {"accelerator": {"provider": 4}, "batches": [{"batch": "x"}]}],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MeasurementError):
        read(PLAIN | wrong)


def test_a_batch_bears_the_marks_of_its_own_rounds() -> None:
    entry = {"batch": 8, "latency_ms": timing(16.0), "throughput_per_s": 500.0, "card_memory_bytes": 7}
    marked = entry | {"noisy": True, "thermal": {"throttled": True, "hot": None}}
    one, eight, again = read(PLAIN | {"batches": [marked, entry]})
    assert (one.marks, eight.marks, again.marks) == ((), ("noisy", "throttled"), ())
