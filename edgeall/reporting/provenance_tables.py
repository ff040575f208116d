"""Where a device's figures come from: artifacts by content, engines, settings, and the machine's state meanwhile."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgeall import formatting
from edgeall.recommending.measured import artifacts
from edgeall.reporting.results_table import SideTable, parity_mark, parity_notes
from edgeall.results import Bench, Document, Result, build

_ARTIFACTS = (
    *("artifact", "file", "SHA-256", "engine", "head"),
    *("threshold", "golden answers", "measured at"),
)
_SETTINGS = {
    "rounds": "rounds",
    "warmup_runs": "warm-up runs",
    "warmup_seconds": "warm-up, s",
    "min_runs": "runs, at least",
    "min_seconds": "seconds, at least",
    "max_seconds": "seconds, at most",
    "obeys_rules": "as many as comparable figures need",
}


def artifact_table(bench: Bench) -> SideTable:
    """What was measured, by content."""
    every = artifacts(bench)
    rows = tuple(_artifact(bench, r) for r in every)
    notes = [
        "SHA-256 is that of the artifact's file, or of its files together.",
        "golden answers: largest difference from the answers recorded at export, as a share of what is allowed.",
        *parity_notes(every),
    ]
    return SideTable("Artifacts", _ARTIFACTS, (5, 6), rows, tuple(notes))


def _artifact(bench: Bench, r: Result) -> tuple[str, ...]:
    checked = None if r.selftest is None else r.selftest.difference
    return (
        f"{bench.name(r)}{parity_mark(r)}",
        r.artifact,
        r.sha256 or formatting.UNKNOWN,
        str(r.engine),
        r.head or formatting.UNKNOWN,
        formatting.UNKNOWN if r.threshold is None else f"{r.threshold:.3f}",
        formatting.UNKNOWN if checked is None else formatting.significant(checked, 2),
        r.measured_at or formatting.UNKNOWN,
    )


def settings_table(bench: Bench) -> SideTable:
    """How it was measured: a row a setting, a column a way that results were measured in."""
    ways = list(dict.fromkeys(r.settings for r in bench.results if r.settings is not None))
    rows = tuple(
        (label, *(_written(getattr(way, name)) for way in ways)) for name, label in _SETTINGS.items()
    )
    columns = ("setting", *(["value"] if len(ways) == 1 else [f"way {n}" for n, _ in enumerate(ways, 1)]))
    return SideTable("Settings", columns, tuple(range(1, len(columns))), rows if ways else (), ())


def environment_table(bench: Bench) -> SideTable:
    """The machine before and after, a row a fact; of the last document where a device has several."""
    told = [document.environment for document in documents(bench) if document.environment is not None]
    if not told or not (told[-1].before or told[-1].after):
        return SideTable("Environment", ("fact", "before", "after"), (), (), ())
    before, after = dict(_flat(told[-1].before)), dict(_flat(told[-1].after))
    rows = tuple(
        (name, before.get(name, formatting.UNKNOWN), after.get(name, formatting.UNKNOWN))
        for name in dict.fromkeys((*before, *after))
    )
    notes = ["Of the last of the result files."] if len(told) > 1 else []
    return SideTable("Environment", ("fact", "before", "after"), (), rows, tuple(notes))


def bench_notes(bench: Bench) -> tuple[str, ...]:
    """What the bench itself noted, and which version of edgeall measured."""
    every = documents(bench)
    versions = sorted({document.edgeall for document in every if document.edgeall})
    found = [f"Measured by edgeall {formatting.listed(versions)}."] if versions else []
    return tuple(dict.fromkeys([*found, *(note for document in every for note in document.notes or ())]))


def documents(bench: Bench) -> list[Document]:
    """What the results were read from, typed, without these results: reading them again takes seconds."""
    return [build(bench.device, document | {"results": []}) for document in bench.documents]


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}, ")
        elif name.endswith(_BYTES) and isinstance(value, int):
            yield f"{prefix}{name.removesuffix(_BYTES)} MB".replace("_", " "), formatting.megabytes(value)
        else:
            yield f"{prefix}{name}".replace("_", " "), _written(value)


_BYTES = "_bytes"


def _written(value: Any) -> str:
    if value is None or value in ([], {}):
        return formatting.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    return str(value)
