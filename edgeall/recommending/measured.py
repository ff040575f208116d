"""Which results of a device are what: one an artifact, those with a clock, INT8 beside its float32, pretrained ones."""

from collections import Counter
from collections.abc import Iterable, Iterator

from edgeall import formatting
from edgeall.results import Bench, Result

NOT_ALONE = "their difference is not the backbones' alone"
"""What follows from `differences_beside`."""


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


def differences_beside(bench: Bench, among: Iterable[Result]) -> tuple[str, ...]:
    """In what else than their layers backbones differ, in words: pretraining, the size of the input."""
    results = tuple(among)
    return tuple(filter(None, (mixed_pretraining(bench, results), _mixed_inputs(bench, results))))


def _mixed_inputs(bench: Bench, among: Iterable[Result]) -> str:
    """ "densenet201 reads 96 x 96 pixels, mobilenetv2 224 x 224 pixels", where that differs; else ""."""
    sizes = {bench.family(r): r.input_size for r in among if r.input_size is not None}
    if len(set(sizes.values())) < 2:
        return ""
    return ", ".join(f"{name} reads {size} x {size} pixels" for name, size in sorted(sizes.items()))


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

    None where it is not known, as of imported models, and of ensembles whose members differ in it.
    """
    states = _starts(result.weights)
    return None if len(states) > 1 else states.pop()


def started_at_random(weights: str | None) -> bool:
    """Whether training started from random weights; of an ensemble, that of a member or more.

    Args:
        weights: as a result or an artifact names them; an ensemble's members apart by ";".
    """
    return False in _starts(weights)


def _starts(weights: str | None) -> set[bool | None]:
    """Whether each origin is that of pretrained weights; None where it does not say."""
    return {
        next((state for word, state in _STARTS if origin.strip().lower().startswith(word)), None)
        for origin in (weights or "").split(";")
    }


_STARTS = (("random", False), ("imagenet", True), ("weights of ", True))
"""How origins begin (`training.initial_weights`); a file of weights may have any name."""


def synthetic(data: str | None) -> bool:
    """Whether a program drew the images.

    Args:
        data: as a result or an artifact names them: a layout, with " (synthetic)" for drawn ones (`datasets.dataset`).
    """
    return "synthetic" in (data or "").lower()


def repeated(bench: Bench) -> dict[str, int]:
    """By name with threads how often an artifact was measured, where that is more than once.

    Two files may hold measurements of one artifact, for example of two days, or of two boards of one kind.
    """

    def identity(r: Result) -> tuple[object, ...]:
        return r.name, r.run, r.sha256, r.threads

    counts = Counter(map(identity, bench.results))
    named = {identity(r): f"{bench.name(r)} on {formatting.threads(r.threads)}" for r in bench.results}
    return {named[one]: count for one, count in counts.items() if count > 1}
