"""A comparison in plain words: what is worse, what the data support, and what they cannot say."""

from collections.abc import Iterator

from edgeall import formatting
from edgeall.comparing.compare import Comparison, Outcome, Tolerances
from edgeall.comparing.cost_ratios import Ratio
from edgeall.comparing.ranking import Ranking, rankings
from edgeall.results.accuracy import split_in_words
from edgeall.results.differences import FEW_SUBJECTS, Difference

NAMES = {
    "accuracy": "accuracy",
    "class_accuracy": "accuracy of the class",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "auc": "AUC",
    "latency": "latency",
    "memory": "peak memory",
    "size": "size",
}
_FEW_COMPARISONS = 2
"""Up to so many each has a sentence; of more, those beyond a tolerance."""


def paragraphs(outcome: Outcome) -> list[str]:
    """The finding, the ranking where there are three or more, and the limits."""
    found = [_finding(outcome), *(_ranking(ranking) for ranking in rankings(outcome))]
    return [*found, " ".join(_limits(outcome))]


def verdict(figure: Difference | Ratio, tolerances: Tolerances) -> str:
    """What may be said of one figure, in few words."""
    shown = figure.shown
    if tolerances.exceeded(figure):
        if shown is None:
            return "beyond tolerance; not tested"
        return "WORSE beyond tolerance" if shown else "beyond tolerance; difference not shown"
    if shown is None:
        return "" if isinstance(figure, Ratio) else "not tested"
    if not shown:
        return "not told apart"
    if isinstance(figure, Ratio):
        return "slower" if figure.ratio.value > 1 else "faster"
    return "higher" if figure.delta.value > 0 else "lower"


def _finding(outcome: Outcome) -> str:
    told = outcome.with_first
    worse = {(w.name, w.place) for w in outcome.worse}
    if len(told) > _FEW_COMPARISONS:
        bad = [c for c in told if (c.b, c.place) in worse]
        count = {0: "none is", 1: "one is"}.get(len(bad), f"{len(bad)} are")
        head = f"Of {len(told)} comparisons with {outcome.sources[0].name} {count} worse beyond a tolerance."
        return " ".join([head, *(_sentence(c, outcome.tolerances) for c in bad)])
    return " ".join(_sentence(c, outcome.tolerances) for c in told)


def _sentence(c: Comparison, tolerances: Tolerances) -> str:
    place = "" if c.place is None else f" ({c.place})"
    judged = [metric for metric in ("sensitivity", "specificity") if tolerances.of(metric) is not None]
    told = [_told(d) for d in c.differences if d.metric in ("accuracy", "class_accuracy", "auc", *judged)]
    told += [f"{formatting.ratio(r.ratio)} the time" for r in c.ratios if r.metric == "latency"]
    figures = f" {', '.join(told)}." if told else " nothing that both were scored on."
    return f"{c.b} against {c.a}{place}, {_basis(c)}:{figures} {_judged(c, tolerances)}"


def _basis(c: Comparison) -> str:
    if not c.paired:
        some = f"only {c.shared}" if c.shared else "none"
        return (
            f"not paired ({c.n[0]} and {c.n[1]} test images, {some} known to be in common; "
            "no test of pairs can be made)"
        )
    images = f"on {c.common} common test images"
    if c.subjects is not None:
        images += f" of {c.subjects} subjects"
    return images if c.n == (c.common, c.common) else f"{images} (of {c.n[0]} and {c.n[1]})"


def _told(d: Difference) -> str:
    p_value = d.p_value if d.p_adjusted is None else d.p_adjusted
    test = "" if p_value is None else f" ({formatting.p(p_value)})"
    return f"{NAMES[d.metric]} {formatting.difference(d.metric, d.delta)}{test}"


def _judged(c: Comparison, tolerances: Tolerances) -> str:
    said = []
    for figure in c.figures:
        if not tolerances.exceeded(figure):
            continue
        known = {
            True: "a difference that the data support",
            False: "though the data do not show a difference",
            None: "a difference that cannot be tested here",
        }[figure.shown]
        said.append(
            f"{NAMES[figure.metric]} is beyond the tolerance of {_tolerance(figure, tolerances)}, {known}"
        )
    return f"{_capital('; '.join(said))}." if said else "Nothing is worse beyond its tolerance."


def _tolerance(figure: Difference | Ratio, tolerances: Tolerances) -> str:
    if isinstance(figure, Ratio):
        return f"{tolerances.latency:g}x"
    most = tolerances.of(figure.metric) or 0.0
    if figure.metric == "auc":
        return f"{most:g}"
    points = f"{100 * most:g}"
    return f"{points} point{'s'[: points != '1']}"


def _ranking(ranking: Ranking) -> str:
    place = "" if ranking.place is None else f" ({ranking.place})"
    order = ", ".join(f"{name} {formatting.percent_interval(figure)}%" for name, figure in ranking.order)
    text = f"In order of {NAMES[ranking.metric]}{place}: {order}. "
    head = f"Of the {ranking.pairs} differences in this ranking the data support"
    if ranking.supported:
        pairs = formatting.listed([f"{higher} over {lower}" for higher, lower in ranking.supported])
        text += f"{head} {len(ranking.supported)} (after Holm's correction): {pairs}."
    else:
        text += f"{head} none (after Holm's correction)."
    if ranking.untested:
        text += f" {ranking.untested} of them could not be tested: too few test images are the same."
    return f"{text}{_reach(ranking)}"


def _reach(ranking: Ranking) -> str:
    least = ranking.needed
    if ranking.images is None:
        return ""
    if ranking.subjects is None:
        if least > ranking.images:
            return f" With {ranking.images} images none could be shown, however large."
        return (
            f" With {ranking.images} images the largest is shown only where one of two has right at least {least} that "
            f"the other has wrong, and none the other way: {formatting.percent(least / ranking.images)} points."
        )
    if least > ranking.subjects:
        return f" With images of {ranking.subjects} subjects none could be shown, however large."
    return (
        f" With images of {ranking.subjects} subjects the largest is shown only where one of two does better on at "
        f"least {least} of them, and worse on none."
    )


def _limits(outcome: Outcome) -> Iterator[str]:
    yield from _of_images(outcome)
    yield from _of_times(outcome)
    if outcome.unmatched:
        places = formatting.listed([f"{place} of {name}" for name, place in outcome.unmatched])
        yield f"Not in every file, and so not or not everywhere compared: {places}."
    if len(outcome.comparisons) > 1:
        yield "p-values are after Holm's correction, within each metric."
    yield (
        "What is compared is these trained models on these images; another seed or split may order methods otherwise."
    )


def _of_images(outcome: Outcome) -> Iterator[str]:
    subjects = [c.subjects for c in outcome.comparisons if c.subjects is not None]
    if subjects and min(subjects) < FEW_SUBJECTS:
        yield (
            f"The images are of {min(subjects)} subjects only: intervals and tests count these, and suppose that they "
            "are like those to come."
        )
    if any(c.paired and c.subjects is None for c in outcome.comparisons):
        yield "Whose images these are is not known: each counts as independent, which claims too much if it is not."
    if any("image" in source.grouped_by for source in outcome.sources):
        yield f"{_capital(split_in_words('image'))}."
    if any(c.paired and c.n != (c.common, c.common) for c in outcome.comparisons):
        yield "Test sets overlap in part: differences are of the common images, other figures of each one's own."
    for source in outcome.sources:
        if source.models > 1:
            yield (
                f"{source.name} pools the scores of {source.models} models, each calibrated by itself, into one AUC."
            )


def _of_times(outcome: Outcome) -> Iterator[str]:
    devices = dict.fromkeys(source.device for source in outcome.sources if source.device is not None)
    if len(devices) > 1:
        yield f"The devices differ: {formatting.listed(list(devices))}."
    latencies = [r for c in outcome.comparisons for r in c.ratios if r.metric == "latency"]
    if any(r.interleaved is False for r in latencies):
        yield (
            "Latencies were not measured in turn: their intervals know how rounds differ, not how sessions do, so that "
            "no difference in speed is claimed."
        )
    results = [
        entry.result for source in outcome.sources for entry in source.entries.values() if entry.result
    ]
    if any(result.noisy for result in results):
        yield "Some measurements were noisy."
    if kinds := sorted({result.latency_kind for result in results} - {"measured"}):
        yield f"Latencies that are {formatting.listed(list(kinds))} enter no ratio."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
