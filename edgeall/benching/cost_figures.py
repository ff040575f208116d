"""What an artifact costs beside time: energy, a card's memory and copies, and what whole batches take."""

from collections.abc import Sequence
from itertools import groupby
from statistics import median
from typing import Any

from edgeall.measuring.records import Record
from edgeall.runtimes import Accelerator
from edgeall.statistics import NOISY, percentiles, round_spread


def computed_on(accuracy: Record, accelerator: Accelerator | None) -> dict[str, Any]:
    """`accelerator` is what the profile asked for, None for the processor; `placement` where the engine says it ran;
    `card` name, driver and memory_bytes of the accelerator, None where they are not told."""
    asked = None if accelerator is None else {"provider": accelerator.provider, "device": accelerator.device}
    told = _told(accuracy)
    return {"accelerator": asked, "placement": told.get("placement"), "card": told.get("card")}


def cards(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What computed a document's results in the processor's place, each once."""
    told = [row["card"] for row in results if row.get("card") is not None]
    return [card for place, card in enumerate(told) if card not in told[:place]]


def energy(memory: Record | None) -> dict[str, Any]:
    """Millijoules an inference of the whole processor package, idle power included; why not, where not known."""
    found = None if memory is None else _told(memory).get("energy")
    joules = None if found is None else found["joules_per_inference"]
    return {"energy_mj": None if joules is None else joules * 1e3, "energy": found}


def card_memory(memory: Record | None) -> dict[str, Any]:
    """Bytes on the card with a batch of 1."""
    found = None if memory is None else _told(memory).get("card_memory")
    return {"card_memory_bytes": None if found is None else found["bytes"], "card_memory": found}


def copies(rounds: Sequence[Record]) -> dict[str, Any] | None:
    """An accelerator's inference in its parts: copy_in, compute, copy_out, in milliseconds.

    {"reason"} where its engine cannot tell them apart; None on the processor. They are timed in loops of their own,
    and the latency holds them all.
    """
    told = [stages for record in rounds if (stages := _told(record).get("stages")) is not None]
    reason = next((stages["reason"] for stages in told if "reason" in stages), None)
    if not told or reason is not None:
        return None if reason is None else {"reason": reason}
    parts = ("copy_in", "compute", "copy_out")
    raw = {part: [value / 1e6 for stages in told for value in stages[f"{part}_ns"]] for part in parts}
    return {part: percentiles(values).to_dict() for part, values in raw.items()}


def batches(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One entry a batch size, of records in its order: `latency_ms` is of the whole batch, throughput of images."""
    return [_batch(batch, list(group)) for batch, group in groupby(records, key=lambda record: record.batch)]


def _batch(batch: int, records: Sequence[Record]) -> dict[str, Any]:
    timings = [_told(record)["batch_ns"] for record in records]
    raw = [nanoseconds / 1e6 for of_round in timings for nanoseconds in of_round]
    whole = percentiles(raw).to_dict()
    memory = _told(records[-1])["card_memory"]
    spread = round_spread([median(each) / 1e6 for each in timings])
    return {
        "batch": batch,
        "latency_ms": whole | {"spread": spread, "raw": raw},
        "noisy": spread is not None and spread > NOISY,
        "thermal": {
            mark: any(record.thermal.get(mark) for record in records) for mark in ("throttled", "hot")
        },
        "throughput_per_s": batch * 1e3 / whole["mean"],
        "copies_ms": copies(records),
        "card_memory_bytes": None if memory is None else memory["bytes"],
        "difference": max(_told(record)["difference"] for record in records),
    }


def _told(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
