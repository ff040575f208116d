"""Batches, copies and energy, as people see them. The figures are made up."""

from typing import Any

import pytest
from bench_documents import document, result

from edgeall.errors import MeasurementError
from edgeall.reporting.costs_table import costs
from edgeall.results import merge


def timing(p50: float | None) -> dict[str, Any]:
    return {"n": 20, "p50": p50}


PARTS = {"copy_in": timing(1.0), "compute": timing(2.5), "copy_out": timing(0.5)}
ON_CARD = {"accelerator": {"provider": "CUDAExecutionProvider", "device": 0}, "copies_ms": PARTS}
EIGHT = {"batch": 8, "latency_ms": timing(16.0), "throughput_per_s": 500.0, "card_memory_bytes": 7_000_000}


def rows(**keys: Any) -> list[tuple[str, ...]]:
    """From "images at once" on."""
    plain = result(latency_ms=timing(4.0), throughput_per_s=250.0, **keys)
    (bench,) = merge([("laptop.json", document([plain]))])
    return [row[2:] for row in costs(bench).rows]


def test_single_images_on_the_processor_need_no_second_table() -> None:
    assert rows() == rows(batches=[], energy_mj=None, accelerator=None) == []


def test_an_accelerators_copies_stand_apart() -> None:
    assert rows(**ON_CARD) == [("1", "4.00", "250", "1.00", "2.50", "0.500", "–", "–")]


def test_copies_inside_the_inference_are_unknown() -> None:
    assert rows(**ON_CARD | {"copies_ms": {"reason": "inside"}}) == [
        ("1", "4.00", "250", "–", "–", "–", "–", "–")
    ]


def test_energy_is_that_of_single_images() -> None:
    assert rows(energy_mj=30.5, batches=[EIGHT]) == [
        ("1", "4.00", "250", "–", "–", "–", "–", "30.5"),
        ("8", "16.0", "500", "–", "–", "–", "7.00", "–"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"energy_mj": -1}, {"batches": 3}, {"accelerator": {"provider": 4}}, {"batches": [{"batch": "x"}]}],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MeasurementError):
        rows(**wrong)


def test_a_batch_bears_the_marks_of_its_own_rounds() -> None:
    marked = EIGHT | {"noisy": True, "thermal": {"throttled": True, "hot": None}}
    assert [row[1] for row in rows(batches=[marked, EIGHT])] == ["4.00", "16.0 noisy throttled", "16.0"]
