"""Two backbones of a device, figure by figure: MobileNetV2 and DenseNet201 where both are there.

Elsewhere the lightest and the most accurate one of the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgeall import formatting
from edgeall.recommending.measured import mixed_pretraining, p50, pretrained
from edgeall.reporting.findings import common_place
from edgeall.results import Bench, Result
from edgeall.results.device_bench import title
from edgeall.results.differences import Difference, excludes
from edgeall.results.pairing import accuracy_difference, auc_difference, f1_difference, time_ratio
from edgeall.statistics import Estimate, ratio_over_rounds

_USUAL = ("mobilenetv2", "densenet201")


@dataclass(frozen=True)
class Line:
    """One figure of both, and how they differ.

    Attributes:
        gap: difference or ratio with its interval; accuracy in percentage points.
        test: what the data say of it: "p = 0.45, not shown", or why nothing tests it; "" of what needs no test.
    """

    figure: str
    a: str
    b: str
    gap: str
    test: str


@dataclass(frozen=True)
class Rivals:
    """Two backbones in the same format, precision and threads.

    Attributes:
        a, b: their names, the lighter one first.
        place: format, precision and threads that both were measured in.
        missing: why there is nothing to compare; "" where there is.
    """

    title: str
    a: str
    b: str
    place: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    missing: str = ""


def rivals(bench: Bench) -> Rivals:
    """The two of a device; with `missing` where there are no two, or they share no format, precision and threads."""
    found = _two(bench)
    if found is None:
        return Rivals("Two backbones", "", "", "", (), (), missing="Results of one backbone only.")
    families = list(found)
    both = replace(bench, results=tuple(r for r in bench.results if bench.family(r) in families))
    common = common_place(both, families)
    if common is None:
        why = "They were not measured in the same format, precision and number of threads."
        return Rivals(" against ".join(found), found[0], found[1], "", (), (), missing=why)
    (format, precision, threads), results = common
    a, b = sorted(results, key=lambda r: families.index(bench.family(r)))
    return _compared(bench, a, b, f"{title(format, precision)}, {formatting.threads(threads)}")


def _two(bench: Bench) -> tuple[str, str] | None:
    """Families, the lighter first."""
    size: dict[str, int] = {}
    accuracy: dict[str, float] = {}
    backbone = {bench.family(r): r.backbone for r in bench.results}
    # Of float32 where there is one: how a format packs INT8 is no property of a backbone.
    for r in sorted(bench.results, key=lambda r: r.precision != "float32"):
        size.setdefault(bench.family(r), r.size_bytes)
        accuracy[bench.family(r)] = max(r.accuracy.value, accuracy.get(bench.family(r), 0.0))
    usual = [name for name in size if backbone[name] in _USUAL]
    among = usual if {backbone[name] for name in usual} == set(_USUAL) else list(size)
    if len(among) < 2:
        return None
    light = min(among, key=lambda name: size[name])
    others = [name for name in among if backbone[name] != backbone[light]] or [n for n in among if n != light]
    return light, max(others, key=lambda name: accuracy[name])


def _compared(bench: Bench, a: Result, b: Result, place: str) -> Rivals:
    names = bench.family(a), bench.family(b)
    mixed = mixed_pretraining(bench, (a, b))
    told = [
        f"{name} ({_START[pretrained(r)]})" if mixed else name for name, r in zip(names, (a, b), strict=True)
    ]
    notes = [
        f"{name}: {result.weights or 'unknown weights'}." for name, result in zip(names, (a, b), strict=True)
    ]
    if mixed:
        notes.append(f"{mixed}: their difference is not the backbones' alone.")
    notes.append(
        f"Differences are {names[1]} less {names[0]}, of accuracy in percentage points; ratios are {names[1]} over "
        f"{names[0]}. Intervals are at 95%; a difference is shown where the interval and the paired test exclude none."
    )
    if a.energy_mj is None and b.energy_mj is None:
        notes.append(
            f"Energy is not known: {_no_energy(a) or _no_energy(b) or 'this device was not asked for it'}."
        )
    return Rivals(" against ".join(told), *names, place, tuple(_lines(bench, a, b)), tuple(notes))


_START = {True: "pretrained", False: "random weights", None: "unknown weights"}
"""What training started from."""


def _no_energy(result: Result) -> str | None:
    return None if result.energy is None else result.energy.reason


def _lines(bench: Bench, a: Result, b: Result) -> Iterator[Line]:
    shares = formatting.percent_interval(a.accuracy_shown), formatting.percent_interval(b.accuracy_shown)
    yield _tested("accuracy %", *shares, accuracy_difference(a, b))
    if a.f1 is not None and b.f1 is not None:
        apart = f1_difference(a, b) or Estimate(b.f1.value - a.f1.value, None, None)
        gap = formatting.difference("f1", apart)
        yield Line("F1", formatting.share_interval(a.f1), formatting.share_interval(b.f1), gap, "no test")
    yield _tested(
        "AUC", formatting.share_interval(a.auc), formatting.share_interval(b.auc), auc_difference(a, b)
    )
    if not bench.emulated and p50(a) is not None and p50(b) is not None:
        ratio = time_ratio(b, a)
        times = (
            formatting.interval(_latency(a), formatting.ms),
            formatting.interval(_latency(b), formatting.ms),
        )
        gap = formatting.UNKNOWN if ratio is None else formatting.ratio(ratio)
        yield Line("latency p50 ms", *times, gap, _said(excludes(ratio, 1)))
    yield _counted("size MB", a.size_bytes, b.size_bytes, formatting.megabytes)
    memory = (None, None) if bench.emulated else (a.peak_rss_bytes, b.peak_rss_bytes)
    yield _counted("peak memory MB", *memory, formatting.megabytes)
    if a.energy_mj is not None or b.energy_mj is not None:
        yield _counted("energy mJ", a.energy_mj, b.energy_mj, formatting.ms)


def _tested(figure: str, a: str, b: str, gap: Difference | None) -> Line:
    if gap is None:
        return Line(figure, a, b, formatting.UNKNOWN, "no pairs of images")
    delta = formatting.difference(gap.metric, gap.delta).replace(" points", "")
    return Line(figure, a, b, delta, ", ".join(filter(None, [formatting.p(gap.p_value), _said(gap.shown)])))


def _counted(figure: str, a: float | None, b: float | None, write: Callable[[float | None], str]) -> Line:
    ratio = f"{formatting.significant(b / a)}x" if a and b else formatting.UNKNOWN
    return Line(figure, write(a), write(b), ratio, "")


def _said(shown: bool | None) -> str:
    return "" if shown is None else "shown" if shown else "not shown"


def _latency(result: Result) -> Estimate | None:
    """p50 with the interval over rounds, as limits are held against."""
    value = p50(result)
    if value is None or result.latency_ms is None:
        return None
    medians = list(result.latency_ms.by_round.values())
    over = ratio_over_rounds(medians, [1.0] * len(medians))
    if over is None or over.low is None or over.high is None:
        return Estimate(value, None, None)
    return Estimate(value, min(over.low, value), max(over.high, value))
