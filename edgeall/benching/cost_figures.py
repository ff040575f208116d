"""What an artifact costs beside time: energy, an accelerator's memory and copies, and whole batches."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median
from typing import Any, TypeVar

from edgeall import documents
from edgeall.measuring.records import Record
from edgeall.results import Result
from edgeall.results.costs import Batch, Card, CardMemory, Copies, Energy, Latency, MeasuredTimes, Thermal
from edgeall.statistics import NOISY, percentiles, round_spread

T = TypeVar("T")


def timings(raw: Sequence[float]) -> MeasuredTimes:
    """Summary of runs."""
    return MeasuredTimes(**_summary(raw))


def latency(raw: Sequence[float], medians: Sequence[float], **rounds: Any) -> Latency:
    """Summary of runs, with themselves; `medians` are those of the rounds."""
    return Latency(**_summary(raw), **rounds, spread=round_spread(medians), raw=tuple(raw))


def _summary(raw: Sequence[float]) -> dict[str, Any]:
    return {name.replace(".", "_"): value for name, value in percentiles(raw).to_dict().items()}


def is_noisy(*measured: Latency) -> bool:
    """Whether the rounds of one lie further apart than a quiet machine's."""
    return any(each.spread is not None and each.spread > NOISY for each in measured)


def card(accuracy: Record) -> Card | None:
    """The accelerator that computed; None for the processor, and where the engine names none."""
    return _part(accuracy, "card", Card)


def cards(results: Iterable[Result]) -> tuple[Card, ...]:
    """The accelerators of all results, each once."""
    return tuple(dict.fromkeys(result.card for result in results if result.card is not None))


def energy(memory: Record | None) -> Energy | None:
    """Of one inference, idle power included."""
    return _part(memory, "energy", Energy)


def card_memory(record: Record | None) -> CardMemory | None:
    """On the accelerator."""
    return _part(record, "card_memory", CardMemory)


def copies(rounds: Sequence[Record]) -> Copies | None:
    """An accelerator's inference in its parts; None on the processor."""
    stages = [found for record in rounds if (found := _result(record).get("stages")) is not None]
    reason = next((each["reason"] for each in stages if "reason" in each), None)
    if not stages or reason is not None:
        return None if reason is None else Copies(reason=reason)

    def part(key: str) -> MeasuredTimes:
        return timings([value / 1e6 for each in stages for value in each[key]])

    return Copies(copy_in=part("copy_in_ns"), compute=part("compute_ns"), copy_out=part("copy_out_ns"))


def batches(records: Sequence[Record]) -> tuple[Batch, ...]:
    """One a batch size, of records in its order."""
    return tuple(
        _batch(size, list(group)) for size, group in groupby(records, key=lambda record: record.batch)
    )


def _batch(size: int, records: Sequence[Record]) -> Batch:
    by_round = [[nanoseconds / 1e6 for nanoseconds in _result(record)["batch_ns"]] for record in records]
    whole = latency([ms for of_round in by_round for ms in of_round], [median(each) for each in by_round])
    assert whole.mean is not None
    memory = card_memory(records[-1])
    return Batch(
        batch=size,
        latency_ms=whole,
        noisy=is_noisy(whole),
        thermal=Thermal(
            throttled=any(record.thermal.get("throttled") for record in records),
            hot=any(record.thermal.get("hot") for record in records),
        ),
        throughput_per_s=size * 1e3 / whole.mean,
        copies_ms=copies(records),
        card_memory_bytes=None if memory is None else memory.bytes,
        difference=max(_result(record)["difference"] for record in records),
    )


def _part(record: Record | None, key: str, kind: type[T]) -> T | None:
    """A part of a record's result."""
    found = None if record is None else _result(record).get(key)
    return None if found is None else documents.build(kind, found)


def _result(record: Record) -> dict[str, Any]:
    assert record.result is not None
    return record.result
