"""What the results of one device show, in sentences; no word of better, faster or worse beyond what they show."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edgeall import formatting
from edgeall.artifact import FORMATS
from edgeall.recommending.measured import artifacts, beside_float32, timed
from edgeall.results import Bench, Result
from edgeall.results.accuracy import VersusFloat
from edgeall.results.device_bench import FAILED_PARITY, title
from edgeall.results.differences import MCNEMAR, SIGN_FLIP, Difference, excludes
from edgeall.results.pairing import (
    accuracy_difference,
    auc_difference,
    differences,
    same_speed,
    time_ratio,
    worth_its_time,
)
from edgeall.statistics import LEAST_GAIN, Estimate, holm

_AS_MANY = 1.01
"""Times the instructions: up to here as many. Engines that tune themselves while they load vary by 0.3 %."""


def in_figures(gap: Difference) -> str:
    """ "+4.5 points [−9.0 to +18.0], p = 1.00"; of AUC "+0.045 [−0.090 to +0.180], p = 1.00"."""
    return f"{formatting.difference(gap.metric, gap.delta)}, {formatting.p(gap.p_value)}"


def trade_offs(bench: Bench) -> list[str]:
    """What each slower backbone's accuracy is worth beside the fastest one's."""
    families = list(dict.fromkeys(bench.family(result) for result in bench.results))
    common = common_place(bench, families)
    if len(families) < 2 or not common:
        return []
    (format, precision, threads), chosen = common
    first, *others = sorted(chosen, key=_cost)
    compared = [differences(first, other) for other in others]
    adjusted = _adjusted([gap for found in compared for gap in found])
    place = f"{title(format, precision)}, {formatting.threads(threads)}"
    sentences = []
    for other, found in zip(others, compared, strict=True):
        names = f"{_marked(bench, other)} against {_marked(bench, first)} ({place})"
        verdict = _gaps_in_words(bench.family(other), other, first, found, adjusted)
        sentences.append(f"{names}: {verdict} {_price(bench, other, first)}")
    if len(others) > 1 and adjusted:
        sentences.append(
            "The p-values of these comparisons were judged after Holm's adjustment, within each metric."
        )
    return sentences


def _adjusted(found: list[Difference]) -> dict[int, float]:
    """Holm's p-values, within each metric, by the identity of the gap."""
    result: dict[int, float] = {}
    for metric in ("accuracy", "auc"):
        tested = [(gap, gap.p_value) for gap in found if gap.metric == metric and gap.p_value is not None]
        p_values = holm([p_value for _, p_value in tested])
        result |= {id(gap): p_value for (gap, _), p_value in zip(tested, p_values, strict=True)}
    return result


def _marked(bench: Bench, result: Result) -> str:
    return bench.family(result) + (FAILED_PARITY if result.failed_parity else "")


def common_place(bench: Bench, families: list[str]) -> tuple[tuple[str, str, int], list[Result]] | None:
    """The first format, precision and thread count that every family has.

    Those where nothing failed its parity check come first, float32 before others, then few threads.
    """
    by_place: dict[tuple[str, str, int], dict[str, Result]] = {}
    for result in bench.results:
        place = (result.format, result.precision, result.threads)
        by_place.setdefault(place, {})[bench.family(result)] = result
    order: dict[str, int] = {name: index for index, name in enumerate(FORMATS)}
    shared = [place for place, found in by_place.items() if len(found) == len(families)]
    if not shared:
        return None

    def rank(place: tuple[str, str, int]) -> tuple[bool, bool, int, int]:
        failed = any(result.failed_parity for result in by_place[place].values())
        return failed, place[1] != "float32", order.get(place[0], len(order)), place[2]

    place = min(shared, key=rank)
    return place, list(by_place[place].values())


def _cost(result: Result) -> tuple[float, float]:
    p50 = None if result.latency_ms is None else result.latency_ms.p50
    return (float("inf") if p50 is None else p50, float(result.size_bytes))


def _gaps_in_words(
    name: str, b: Result, a: Result, found: list[Difference], adjusted: dict[int, float]
) -> str:
    pair = f"accuracy {formatting.percent_interval(b.accuracy_shown)}% against " + (
        f"{formatting.percent_interval(a.accuracy_shown)}%"
    )
    areas = f", AUC {formatting.share_interval(b.auc)} against {formatting.share_interval(a.auc)}"
    if not found:
        return f"{pair}{areas}, on images that cannot be paired: no difference is claimed."
    told_of = {gap.metric: in_figures(gap) for gap in found}
    known = "".join(
        f"{figures}, {told_of[metric]}" if metric in told_of else figures
        for metric, figures in (("accuracy", pair), ("auc", areas))
    )
    shown = [gap for gap in found if replace(gap, p_adjusted=adjusted.get(id(gap))).shown]
    if not shown:
        of = f" of {b.clusters} subjects" if found[0].over_subjects and b.clusters else ""
        return f"{known}: the {found[0].n} test images{of} cannot tell them apart."
    metrics = [f"{'higher' if gap.delta.value > 0 else 'lower'} {_METRICS[gap.metric]}" for gap in shown]
    return f"{known}: {name} has {formatting.listed(metrics)}."


_METRICS = {"accuracy": "accuracy", "auc": "AUC"}


def _price(bench: Bench, b: Result, a: Result) -> str:
    parts = []
    ratio = None if bench.emulated else time_ratio(b, a)
    if ratio is not None and b.latency_ms is not None and a.latency_ms is not None:
        times = f"({formatting.ms(b.latency_ms.p50)} against {formatting.ms(a.latency_ms.p50)} ms)"
        if excludes(ratio, 1) is False:
            parts.append(f"a time that the rounds cannot tell apart, {formatting.ratio(ratio)} {times}")
        else:
            parts.append(f"{formatting.ratio(ratio)} the time {times}")
    if a.peak_rss_bytes and b.peak_rss_bytes:
        parts.append(f"{formatting.significant(b.peak_rss_bytes / a.peak_rss_bytes, 2)}x the memory")
    if a.size_bytes:
        parts.append(f"{formatting.significant(b.size_bytes / a.size_bytes, 2)}x the size")
    return f"It takes {formatting.listed(parts)}." if parts else ""


def int8(bench: Bench) -> Iterator[tuple[bool, str]]:
    """Of each backbone and format: INT8 beside float32.

    True marks a warning: INT8 is slower or hardly faster, takes more instructions, or loses accuracy.
    """
    groups: dict[tuple[str, str], list[tuple[Result, Result]]] = {}
    for float32, quantized in beside_float32(bench):
        groups.setdefault((bench.family(quantized), quantized.format), []).append((float32, quantized))
    for pairs in groups.values():
        idle, speed = _effort(pairs) if bench.emulated else _speeds(pairs)
        lost, accuracy = _cost_in_accuracy(*pairs[0])
        yield idle or lost, f"{bench.label(pairs[0][1])}: {'; '.join([*speed, accuracy])}."


def _speeds(pairs: list[tuple[Result, Result]]) -> tuple[bool, list[str]]:
    """Whether any INT8 is not worth its time, and a phrase for each kind of speed."""
    phrases: dict[str, list[str]] = {kind: [] for kind in _SPEEDS}
    for float32, quantized in pairs:
        ratio = time_ratio(float32, quantized)
        if ratio is not None:
            kind = _speed(ratio)
            phrase = "{} on {}" if phrases[kind] else _SPEEDS[kind]
            phrases[kind].append(
                phrase.format(formatting.ratio(ratio), formatting.threads(quantized.threads))
            )
    idle = bool(phrases["slower"] or phrases["idle"])
    return idle, [", ".join(each) for each in phrases.values() if each]


_SPEEDS = {
    "slower": "SLOWER than its float32, {} as fast on {}",
    "idle": f"NOT measured {LEAST_GAIN:g} times as fast as its float32: {{}} on {{}}",
    "faster": "{} as fast as its float32 on {}",
    "open": "no difference in speed from its float32 shown, {} as fast on {}",
}
"""Phrases for INT8 beside float32, by what the rounds show."""


def _speed(ratio: Estimate) -> str:
    """Key of `_SPEEDS` for a ratio of times, float32 over INT8."""
    settled = excludes(ratio, 1) is not False
    if settled and ratio.value < 1:
        return "slower"
    if not worth_its_time(ratio):
        return "idle"
    return "faster" if settled else "open"


def _effort(pairs: list[tuple[Result, Result]]) -> tuple[bool, list[str]]:
    """Whether any INT8 takes more instructions than its float32, and a phrase for each pair."""
    ratios: dict[str, float] = {}
    for float32, quantized in pairs:
        if quantized.counted and float32.counted:
            ratios[Path(quantized.artifact).name] = quantized.counted / float32.counted
    phrases = []
    for name, ratio in ratios.items():
        more, whose = "MORE work, " if ratio > _AS_MANY else "", f" ({name})" if len(ratios) > 1 else ""
        phrases.append(f"{more}{formatting.significant(ratio, 3)}x the instructions of its float32{whose}")
    return any(ratio > _AS_MANY for ratio in ratios.values()), phrases


def _cost_in_accuracy(float32: Result, quantized: Result) -> tuple[bool, str]:
    gap, area = gap_to_float(float32, quantized), auc_difference(float32, quantized)
    versus = quantized.vs_float
    agreement = (
        ""
        if versus is None
        else f"same verdict on {formatting.percent(versus.agreement)}% of {quantized.n} images, "
        + (
            ""
            if versus.class_agreement is None
            else f"same most probable class on {formatting.percent_interval(versus.class_agreement)}%, "
        )
    )
    if gap is None:
        delta = "" if versus is None else f"accuracy {formatting.points(versus.accuracy_delta)} points, "
        return False, f"{agreement}{delta}no test of the difference"
    found = [each for each in (gap, area) if each is not None and (each is gap or each.shown)]
    said = [
        f"{_METRICS[each.metric]} {in_figures(each)}: "
        + ("no difference shown" if not each.shown else "a loss" if each.loss else "a gain")
        for each in found
    ]
    return any(each.loss for each in found), agreement + ", ".join(said)


def gap_to_float(float32: Result, quantized: Result) -> Difference | None:
    """The bench's own comparison where it is complete, else one made here from the predictions."""
    versus = quantized.vs_float
    if versus is not None and versus.p_value is not None and _complete(versus):
        test = MCNEMAR if versus.p_value_over_subjects is None else SIGN_FLIP
        return Difference("accuracy", quantized.n, versus.delta, versus.best_p_value, test)
    return accuracy_difference(float32, quantized)


def _complete(versus: VersusFloat) -> bool:
    """Whether an interval that is not there could not be had: of equal verdicts, say."""
    return versus.delta.low is not None or versus.agreement == 1.0


def extremes(bench: Bench) -> list[str]:
    """Fastest, smallest, least memory, most accurate; each with those that it is not told apart from.

    Of artifacts that may be used: those that failed their parity check are left out, and counted.
    """
    every = [r for r in artifacts(bench) if not r.failed_parity]
    failed = len(artifacts(bench)) - len(every)
    if not every:
        return []
    found = []
    if clocked := [r for r in timed(bench) if not r.failed_parity]:
        first = min(clocked, key=_cost)
        rivals = [r for r in clocked if r is not first and same_speed(r, first)]
        assert first.latency_ms is not None
        found.append(
            f"Fastest: {bench.label(first)} on {formatting.threads(first.threads)}, "
            f"{formatting.ms(first.latency_ms.p50)} ms (p50)"
            + _rivals(
                bench, rivals, len(clocked) - 1, "the rounds do not tell it apart from", with_threads=True
            )
        )
    smallest = min(every, key=lambda r: r.size_bytes)
    found.append(f"Smallest: {bench.label(smallest)}, {formatting.megabytes(smallest.size_bytes)} MB.")
    heavy = [r for r in bench.results if r.peak_rss_bytes and not r.failed_parity]
    if heavy:
        least = min(heavy, key=lambda r: r.peak_rss_bytes or 0)
        found.append(
            f"Least memory: {bench.label(least)}, {formatting.megabytes(least.peak_rss_bytes)} MB at its peak."
        )
    best = max(r.accuracy.value for r in every)
    top = [r for r in every if r.accuracy.value == best]
    level = [r for r in every if r.accuracy.value != best and not _worse(accuracy_difference(top[0], r))]
    found.append(
        f"Most accurate: {_some(bench, top)}, {formatting.percent_interval(top[0].accuracy_shown)}%"
        + _rivals(bench, level, len(every) - len(top), "not shown to be above", with_threads=False)
    )
    if areas := [r for r in every if r.auc is not None]:
        widest = max(areas, key=lambda r: r.auc.value if r.auc else 0.0)
        top = [r for r in areas if r.auc and widest.auc and r.auc.value == widest.auc.value]
        level = [
            r
            for r in areas
            if r.auc
            and widest.auc
            and r.auc.value != widest.auc.value
            and not _worse(auc_difference(top[0], r))
        ]
        found.append(
            f"Highest AUC: {_some(bench, top)}, {formatting.share_interval(widest.auc)}"
            + _rivals(bench, level, len(areas) - len(top), "not shown to be above", with_threads=False)
        )
    if failed:
        found.append(f"Artifacts that failed their parity check are left out here: {failed}.")
    return found


def _some(bench: Bench, top: list[Result]) -> str:
    if len(top) < 4:
        return formatting.listed([bench.label(r) for r in top])
    return f"{len(top)} artifacts, {bench.label(top[0])} among them"


def _worse(gap: Difference | None) -> bool:
    return gap is not None and gap.loss


def _rivals(bench: Bench, rivals: list[Result], others: int, words_before: str, *, with_threads: bool) -> str:
    if not rivals:
        return "."
    if len(rivals) == others and others > 1:
        return f"; {words_before} any other."
    if len(rivals) > 4:
        return f"; {words_before} {len(rivals)} of the {others} others."
    names = [
        bench.label(r) + (f" on {formatting.threads(r.threads)}" if with_threads else "") for r in rivals
    ]
    return f"; {words_before} {formatting.listed(names, 'or')}."
