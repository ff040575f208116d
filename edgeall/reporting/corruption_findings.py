"""What corrupted pictures show, in sentences: a loss that nothing refuses, INT8 that breaks before float32.

The rules, stated in docs/measuring.md:

- A loss is shown where accuracy or AUC is lower than on the unchanged images and `Difference.loss` holds after Holm.
- A loss is not refused where the domain check refuses fewer than `MOST_REFUSED` of the pictures.
- Where there are too few subjects to show any loss, a fall of accuracy by `SEEN_FALL` that is not refused is told of as
  seen, not shown.
- INT8 breaks before float32 where its loss is shown, that of float32 is not, and INT8 is shown to be below float32 on
  the same pixels. Without the last, the two may differ by chance alone.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from edgeall import formatting
from edgeall.recommending.measured import artifacts, beside_float32
from edgeall.reporting.corruptions_table import ranges
from edgeall.results import Bench, Result
from edgeall.results.corruptions import MOST_REFUSED, SEEN_FALL, CorruptionPoint, Corruptions


def robustness(bench: Bench) -> Iterator[tuple[bool, str]]:
    """Sentences; True marks a warning. Artifacts of which the same is to be said share one."""
    measured = [result for result in artifacts(bench) if result.corruptions is not None]
    for warns, of in ((True, _unnoticed), (False, _seen)):
        said: dict[str, list[str]] = {}
        for result in measured:
            assert result.corruptions is not None
            text = of(result.corruptions)
            if text:
                said.setdefault(text, []).append(bench.label(result))
        for text, labels in said.items():
            yield warns, f"{formatting.listed(labels)}: {text}"
    once = {quantized.name: (float32, quantized) for float32, quantized in beside_float32(bench)}
    for float32, quantized in once.values():
        yield from _int8(bench, float32, quantized)
    yield from ((False, text) for text in _too_few(measured))


def _unnoticed(found: Corruptions) -> str:
    refusal = (
        "no domain check refuses the pictures: the artifact has none"
        if found.unchanged.refused is None
        else f"the domain check refuses fewer than {MOST_REFUSED:.0%} of the pictures"
    )
    if points := found.unnoticed:
        return (
            f"a shift that hurts and is not refused: at {formatting.listed(ranges(points))} a loss of accuracy or AUC "
            f"is shown, and {refusal}{_missed(found, points)}."
        )
    if found.too_few and (points := found.seen_unnoticed):
        return (
            f"a shift that may hurt and is not refused: at {formatting.listed(ranges(points))} accuracy is lower by "
            f"{100 * SEEN_FALL:.0f} points or more, and {refusal}{_missed(found, points)}. This is seen, not shown: "
            "there are too few subjects."
        )
    return ""


def _missed(found: Corruptions, points: Sequence[CorruptionPoint]) -> str:
    """The lowest sensitivity among points: what is missed matters most."""
    known = [(point.sensitivity.value, point.change) for point in points if point.sensitivity is not None]
    if not known or found.unchanged.sensitivity is None:
        return ""
    least, change = min(known, key=lambda pair: pair[0])
    before = found.unchanged.sensitivity.value
    if least >= before:
        return ""
    return (
        f"; sensitivity is {formatting.percent(least)}% at {change}, {formatting.percent(before)}% unchanged"
    )


def _seen(found: Corruptions) -> str:
    worst, clean = found.worst, found.unchanged
    if worst is None:
        return ""
    lost = [point for point in found.points if point.loss]
    refused = [point for point in lost if point.mostly_refused]
    shown = f"a loss is shown at {formatting.listed(ranges(lost))}" if lost else "no loss is shown"
    if refused:
        shown += f", of which {formatting.listed(ranges(refused))} would be refused"
    by_check = "" if worst.refused is None else f"; {worst.refused} of its pictures are refused"
    return (
        f"{shown}. Lowest accuracy of {clean.n} corrupted images{_subjects(found)}: "
        f"{formatting.percent_interval(worst.accuracy)}% at {worst.change}, beside "
        f"{formatting.percent_interval(clean.accuracy)}% unchanged{by_check}."
    )


def _int8(bench: Bench, float32: Result, quantized: Result) -> Iterator[tuple[bool, str]]:
    a, b = float32.corruptions, quantized.corruptions
    if a is None or b is None or not any(point.versus_float for point in b.points):
        return
    whole = {point.change for point in a.points if not point.loss}
    first = [point for point in b.points if point.loss and point.change in whole]
    broken = [point for point in first if point.below_float]
    if broken:
        yield (
            True,
            f"{bench.label(quantized)}: INT8 breaks before float32 at {formatting.listed(ranges(_earliest(broken)))}: "
            "its loss is shown, that of float32 is not, and it is shown to be below float32 on the same pictures.",
        )
    if open_ := [point for point in first if point not in broken]:
        yield (
            False,
            f"{bench.label(quantized)}: at {formatting.listed(ranges(open_))} a loss is shown of INT8 and not of "
            "float32, but no difference between the two.",
        )


def _earliest(points: list[CorruptionPoint]) -> list[CorruptionPoint]:
    """The lowest strength of each corruption."""
    by_kind = groupby(points, key=lambda point: point.corruption)
    return [min(group, key=lambda point: point.strength) for _, group in by_kind]


def _too_few(measured: list[Result]) -> Iterator[str]:
    counts = {
        (found.clusters, found.unchanged.n)
        for result in measured
        if (found := result.corruptions) is not None and found.too_few
    }
    for subjects, images in sorted(counts, key=str):
        of = f"{images} images" if subjects is None else f"{subjects} subjects ({images} images)"
        yield (
            f"Corruptions were measured on {of}. After Holm's correction so few cannot show a loss of accuracy, "
            "however large it is: what was seen may be chance, and no loss shown does not mean robust."
        )


def _subjects(found: Corruptions) -> str:
    return "" if found.clusters is None else f" of {found.clusters} subjects"
