"""The table of a device's results, as text cells that any format lays out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edgeall import formatting
from edgeall.results import Bench, Result
from edgeall.results.accuracy import split_in_words
from edgeall.results.costs import Batch, Latency
from edgeall.results.device_bench import title

Group = Literal["name", "worth", "versus", "cost"]


FAILED, UNPROVEN = "✗", "?"
"""Follow the name of an artifact by what its export's gate found."""
MARKS = {
    "noisy": "medians of the rounds differ by more than 10%.",
    "throttled": "the processor was slowed down (heat or voltage) meanwhile; not its real speed.",
    "hot": "it started hotter than the device's profile allows.",
}
"""Words beside a time that tell how far to believe it, and what they mean."""


@dataclass(frozen=True)
class Column:
    """A column; `group` tells which part of a table too wide for its place it goes to. Names go to all."""

    key: str
    heading: str
    group: Group
    numeric: bool = True


COLUMNS = (
    Column("artifact", "artifact", "name", numeric=False),
    Column("threads", "threads", "cost"),
    Column("executed", "ran as", "cost", numeric=False),
    Column("n", "n", "worth"),
    Column("accuracy", "accuracy % [95%]", "worth"),
    Column("f1", "F1 [95%]", "worth"),
    Column("auc", "AUC [95%]", "worth"),
    Column("agreement", "as float %", "versus"),
    Column("delta", "Δ accuracy", "versus"),
    Column("latency", "p50 / p90 ms", "cost"),
    Column("end_to_end", "end to end ms", "cost"),
    Column("cold_start", "cold start ms", "cost"),
    Column("memory", "peak MB", "cost"),
    Column("size", "size MB", "cost"),
)


@dataclass(frozen=True)
class Row:
    """Cells by column key. `artifact` is the artifact's identity: rows of one artifact differ in threads alone."""

    family: str
    artifact: tuple[str, str, str, str]
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """One device's rows, grouped by family (`Bench.family`), and the notes that belong under them."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SideTable:
    """A table beside the main one, for what not every bench holds; without rows where there is nothing to show.

    Attributes:
        numeric: columns that hold figures, by place.
        rows: the first cell names the artifact.
        notes: what belongs under the table.
    """

    heading: str
    columns: tuple[str, ...]
    numeric: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def table(bench: Bench) -> Table:
    """Lay out a device's results; row order is that of `bench.results`."""
    rows = tuple(Row(bench.family(result), result.name, _cells(result, bench)) for result in bench.results)
    machine = f" ({bench.machine})" if bench.machine else ""
    return Table(f"{bench.device}{machine}", rows, _notes(bench))


def _cells(result: Result, bench: Bench) -> dict[str, str]:
    versus = result.vs_float
    return {
        "artifact": title(result.format, result.precision) + parity_mark(result),
        "threads": str(result.threads),
        "executed": executed(result),
        "n": str(result.n),
        "accuracy": formatting.percent_interval(result.accuracy_shown),
        "f1": formatting.share_interval(result.f1),
        "auc": formatting.share_interval(result.auc),
        "agreement": formatting.UNKNOWN if versus is None else formatting.percent(versus.agreement),
        "delta": _delta(result),
        "latency": _latency(result, bench, result.latency_ms, tail=True),
        "end_to_end": _latency(result, bench, result.end_to_end_ms, tail=False),
        "cold_start": formatting.UNKNOWN
        if _without_clock(result, bench)
        else formatting.ms(result.cold_start_ms),
        "memory": formatting.megabytes(result.peak_rss_bytes),
        "size": formatting.megabytes(result.size_bytes),
    }


def parity_mark(result: Result) -> str:
    """What follows an artifact's name in a table; nothing where it passed, or where nothing is known."""
    return f" {FAILED}" if result.failed_parity else f" {UNPROVEN}" if result.unproven else ""


def executed(result: Result) -> str:
    """The precision that the engine computed most operators in, and how many of an INT8 artifact it left in float."""
    ran = result.executed_precision or formatting.UNKNOWN
    left = sum(result.left_in_float.values())
    return f"{ran}, {left} in float" if left else ran


def _delta(result: Result) -> str:
    versus = result.vs_float
    if versus is None:
        return formatting.UNKNOWN
    p_value = versus.best_p_value
    return formatting.points(versus.accuracy_delta) + (
        "" if p_value is None else f", {formatting.p(p_value)}"
    )


def _latency(result: Result, bench: Bench, latency: Latency | None, *, tail: bool) -> str:
    """An emulator's wall-clock time is never shown; an estimate says so in its own cell."""
    if latency is None or _without_clock(result, bench):
        return formatting.UNKNOWN
    text = formatting.ms(latency.p50) + (f" / {formatting.ms(latency.p90)}" if tail else "")
    if result.latency_kind == "estimated":
        return f"≈ {text} estimated"
    return " ".join([text, *(marks(result) if tail else ())])


def marks(measured: Result | Batch) -> list[str]:
    """Keys of `MARKS` that hold."""
    return [mark for mark in MARKS if getattr(measured, mark)]


def _without_clock(result: Result, bench: Bench) -> bool:
    return result.latency_kind == "emulated" or (bench.emulated and result.latency_kind == "measured")


def _notes(bench: Bench) -> tuple[str, ...]:
    results = bench.results
    measured = [r for r in results if r.latency_ms is not None and r.latency_kind == "measured"]
    engines = formatting.listed(sorted({str(result.engine) for result in results}))
    notes = [f"Engines: {engines}."] if engines else []
    for text in sorted({_provenance(result, bench) for result in results}):
        notes.append(text)
    ensembles = {bench.family(r): len(r.members) for r in results if r.members}
    notes += [
        f"{name}: {count} models, each run on every image; their probabilities are averaged, their costs added up. "
        "Its memory, cold start and end to end are upper bounds: one program would load the engine and read the image "
        "once."
        for name, count in ensembles.items()
    ]
    if any(result.accuracy_over_subjects is not None for result in results):
        notes.append(
            "Intervals count subjects, because images of one resemble each other. A figure without an interval rests "
            "on a class with a single subject."
        )
    notes += _classes(bench)
    if any(result.vs_float is not None for result in results):
        notes.append(
            "as float: share of images with the verdict of the float32 artifact of the same run and format; "
            "Δ accuracy in percentage points against it, with the p-value of a paired test."
        )
    if bench.emulated:
        notes.append(
            "Emulated: it shows that the artifacts run there and what they answer; "
            "its wall-clock times mean nothing and are not shown."
        )
    elif measured:
        notes.append(
            "p50 / p90: model alone, tensor in to tensor out. end to end: file to verdict, p50. MB: 10^6 bytes."
        )
    if any(result.latency_kind == "estimated" for result in results):
        notes.append("≈ estimated: worked out, not measured.")
    seen = {mark for result in measured for mark in marks(result)}
    notes += [f"{mark}: {meaning}" for mark, meaning in MARKS.items() if mark in seen]
    if any(result.left_in_float for result in results):
        notes.append("in float: operators of an INT8 artifact that the engine computed in floating point.")
    notes += parity_notes(results)
    if any(None in (r.latency_ms.p50, r.latency_ms.p90) for r in measured if r.latency_ms is not None):
        notes.append(f"{formatting.UNKNOWN} in p50 / p90: too few runs to know that percentile.")
    return tuple(notes)


def parity_notes(results: Iterable[Result]) -> list[str]:
    """What the marks of `parity_mark` mean, as far as they are there."""
    present = {parity_mark(result).strip() for result in results}
    return [f"{mark} {meaning}" for mark, meaning in _PARITY.items() if mark in present]


_PARITY = {
    FAILED: "parity failed: the artifact does not answer as the trained model does; do not use it.",
    UNPROVEN: "parity unproven: too few validation images to show whether it answers as the trained model does.",
}


def _classes(bench: Bench) -> list[str]:
    """Of the most probable class, one line an artifact: verdicts do not tell if two classes with a finding swap."""
    told = {
        bench.label(r): r.classes for r in bench.results if r.classes is not None
    }  # threads change nothing of it
    return [
        f"{label}, most probable class: accuracy {formatting.percent_interval(of.accuracy)}%, "
        f"macro F1 {of.macro.f1:.2f}"
        + "".join(
            f"; {name} {formatting.percent_interval(recall)}%"
            for name, recall in (of.recall_by_class or {}).items()
            if recall is not None
        )
        + (" of their images." if of.recall_by_class else ".")
        for label, of in told.items()
    ]


def _provenance(result: Result, bench: Bench) -> str:
    """What tempers a backbone's accuracy: what it was trained from, and how its images were split."""
    weights = result.weights or "unknown weights"
    split = split_in_words(result.split_by)
    subjects = "" if result.clusters is None else f" of {result.clusters} subjects"
    data = "" if result.data is None else f", {result.data}"
    return f"{bench.family(result)}: {weights}; {result.n} test images{subjects}{data}, {split}."
