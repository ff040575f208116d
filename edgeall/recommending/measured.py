"""Which results of a device are what: one an artifact, those with a clock, INT8 beside its float32, pretrained ones."""

from collections import Counter
from collections.abc import Iterable, Iterator

from edgeall import formatting
from edgeall.results import Bench, Result


def artifacts(bench: Bench) -> list[Result]:
    """One result an artifact: threads change its times, not what it answers nor its size."""
    return list({result.name: result for result in reversed(bench.results)}.values())[::-1]


def timed(bench: Bench) -> list[Result]:
    """Results whose latency was measured on the device itself."""
    return [] if bench.emulated else [r for r in bench.results if p50(r) is not None]


def p50(result: Result) -> float | None:
    """Measured median of the model's latency in ms; None where there is none, or an emulator's or an estimate."""
    if result.latency_ms is None or result.latency_kind != "measured":
        return None
    return result.latency_ms.p50 or None


def beside_float32(bench: Bench) -> Iterator[tuple[Result, Result]]:
    """Each INT8 result after the float32 one of the same model, engine and threads."""

    def place(r: Result) -> tuple[str, str, str, int]:
        return bench.family(r), r.format, str(r.engine), r.threads

    floats = {place(r): r for r in bench.results if r.precision == "float32"}
    for r in bench.results:
        if r.precision == "int8" and place(r) in floats:
            yield floats[place(r)], r


def mixed_pretraining(bench: Bench, among: Iterable[Result]) -> str:
    """ "mobilenetv2 was pretrained, densenet201 was not", where backbones differ in that; else ""."""
    given = {bench.family(r): pretrained(r) for r in among}
    with_it, without = (sorted(name for name in given if given[name] is state) for state in (True, False))
    if not with_it or not without:
        return ""
    were, was = ("was" if len(names) == 1 else "were" for names in (with_it, without))
    return f"{formatting.listed(with_it)} {were} pretrained, {formatting.listed(without)} {was} not"


def pretrained(result: Result) -> bool | None:
    """Whether training started from pretrained weights.

    None where it is not known, and of ensembles whose members differ in it.
    """
    random = {origin.strip().lower().startswith("random") for origin in (result.weights or "").split(";")}
    return None if not result.weights or len(random) > 1 else not random.pop()


def repeated(bench: Bench) -> dict[str, int]:
    """By name with threads how often an artifact was measured, where that is more than once.

    Two files may hold measurements of one artifact, for example of two days, or of two boards of one kind.
    """

    def identity(r: Result) -> tuple[object, ...]:
        return r.name, r.run, r.sha256, r.threads

    counts = Counter(map(identity, bench.results))
    named = {identity(r): f"{bench.name(r)} on {formatting.threads(r.threads)}" for r in bench.results}
    return {named[one]: count for one, count in counts.items() if count > 1}
