"""Batches, copies to and from an accelerator, and energy: what a result says of them, and the table people see."""

from edgeall.reporting import formatting
from edgeall.reporting.checked import At
from edgeall.reporting.document import Bench, Cost
from edgeall.reporting.side import SideTable

HEADING = "Batches, copies and energy"
COLUMNS = (
    *("artifact", "threads", "images at once", "p50 ms", "images per second"),
    *("copy in ms", "compute ms", "copy out ms", "on card MB", "energy mJ"),
)


def read(at: At) -> tuple[Cost, ...]:
    """From a result; nothing where it tells of single images on the processor alone, without energy.

    Raises:
        MeasurementError: something in it is not what it should be; names the key at fault.
    """
    larger = [] if (listed := at.maybe("batches")) is None else listed.items()
    energy = _number(at, "energy_mj")
    if not larger and energy is None and at.maybe("accelerator") is None:
        return ()
    return (_cost(at, 1, energy), *(_cost(entry, entry.get("batch").count(), None) for entry in larger))


def costs(bench: Bench) -> SideTable:
    """The table of a device."""
    rows = tuple(
        (
            *(bench.label(result), str(result.threads), str(cost.batch)),
            " ".join([formatting.ms(cost.p50), *cost.marks]),
            *map(formatting.ms, (cost.per_second, cost.copy_in, cost.compute, cost.copy_out)),
            *(formatting.megabytes(cost.card_bytes), formatting.ms(cost.energy_mj)),
        )
        for result in bench.results
        for cost in result.costs
    )
    told = [cost for result in bench.results for cost in result.costs]
    notes = ["p50: of all images at once, copies included."] if told else []
    for place in dict.fromkeys(r.accelerator for r in bench.results if r.accelerator is not None):
        notes.append(f"Computed on {place} alone.")
    if any(result.accelerator and None in (c.compute for c in result.costs) for result in bench.results):
        notes.append(
            f"{formatting.UNKNOWN} in copies: the engine copies inside the inference, or too few runs tell."
        )
    if any(cost.energy_mj is not None for cost in told):
        notes.append(
            "energy: of the whole processor package by its own counters, idle power and all else that ran included."
        )
    return SideTable(HEADING, COLUMNS, tuple(range(1, len(COLUMNS))), rows, tuple(notes))


def _cost(at: At, batch: int, energy: float | None) -> Cost:
    latency, copies = at.maybe("latency_ms"), at.maybe("copies_ms")

    def part(name: str) -> float | None:
        inner = None if copies is None else copies.maybe(name)
        return None if inner is None else _number(inner, "p50")

    thermal = at.maybe("thermal")
    marks = {"noisy": at, "throttled": thermal, "hot": thermal}
    return Cost(
        batch=batch,
        p50=None if latency is None else _number(latency, "p50"),
        per_second=_number(at, "throughput_per_s"),
        copy_in=part("copy_in"),
        compute=part("compute"),
        copy_out=part("copy_out"),
        card_bytes=_number(at, "card_memory_bytes"),
        energy_mj=energy,
        marks=tuple(mark for mark, where in marks.items() if where is not None and _flag(where, mark)),
    )


def _flag(at: At, key: str) -> bool:
    inner = at.maybe(key)
    return inner is not None and inner.flag()


def _number(at: At, key: str) -> float | None:
    inner = at.maybe(key)
    return None if inner is None else inner.number(0.0)
