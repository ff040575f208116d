"""The table of batches, copies to and from an accelerator, and energy."""

from collections.abc import Iterator

from edgeall import formatting
from edgeall.reporting.results_table import SideTable, marks
from edgeall.results import Bench, Result
from edgeall.results.costs import Batch, MeasuredTimes

HEADING = "Batches, copies and energy"
COLUMNS = (
    *("artifact", "threads", "images at once", "p50 ms", "images per second"),
    *("copy in ms", "compute ms", "copy out ms", "on card MB", "energy mJ"),
)


def costs(bench: Bench) -> SideTable:
    """The table of a device; without rows where single images were measured on the processor, without energy."""
    shown = [r for r in bench.results if r.batches or r.energy_mj is not None or r.accelerator is not None]
    rows = tuple(
        (bench.label(result), str(result.threads), *_cells(size, cost))
        for result in shown
        for size, cost in _sizes(result)
    )
    notes = ["p50: of all images at once, copies included."] if rows else []
    for place in dict.fromkeys(r.accelerator.provider for r in shown if r.accelerator is not None):
        notes.append(f"Computed on {place} alone.")
    on_card = [cost for result in shown if result.accelerator is not None for _, cost in _sizes(result)]
    if any(cost.copies_ms is None or _p50(cost.copies_ms.compute) is None for cost in on_card):
        notes.append(
            f"{formatting.UNKNOWN} in copies: the engine copies inside the inference, or too few runs tell."
        )
    sources = dict.fromkeys(result.energy_source for result in shown)
    notes += [f"energy: {each}; idle power and all else that ran included." for each in sources if each]
    return SideTable(HEADING, COLUMNS, tuple(range(1, len(COLUMNS))), rows, tuple(notes))


def _sizes(result: Result) -> Iterator[tuple[int, Result | Batch]]:
    """Costs by images at once: single ones are the result's own."""
    yield 1, result
    yield from ((batch.batch, batch) for batch in result.batches or ())


def _cells(size: int, cost: Result | Batch) -> tuple[str, ...]:
    """From "images at once" on."""
    copies = cost.copies_ms
    parts = (None,) * 3 if copies is None else (copies.copy_in, copies.compute, copies.copy_out)
    return (
        str(size),
        " ".join([formatting.ms(_p50(cost.latency_ms)), *marks(cost)]),
        formatting.ms(cost.throughput_per_s),
        *(formatting.ms(_p50(part)) for part in parts),
        formatting.megabytes(cost.card_memory_bytes),
        formatting.ms(cost.energy_mj if isinstance(cost, Result) else None),
    )


def _p50(timings: MeasuredTimes | None) -> float | None:
    return None if timings is None else timings.p50
