"""The verdict on a device: which artifact to take there and why, what the others are worth, and what is not known.

A pure function of the results: the same results, the same words.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgeall.reporting import findings, limits, words
from edgeall.reporting.document import Bench, Result
from edgeall.reporting.findings import told
from edgeall.reporting.pairs import AccuracyGap, accuracy_gap, same_speed

Kind = Literal["recommendation", "backbones", "int8", "extremes", "warning", "limit"]

HEADINGS: dict[Kind, str] = {
    "recommendation": "Take",
    "warning": "Beware",
    "backbones": "What the costlier backbone is worth",
    "int8": "What INT8 is worth",
    "extremes": "Extremes",
    "limit": "What these figures cannot say",
}
"""In the order in which a verdict is read."""


@dataclass(frozen=True)
class Statement:
    """One finding, in one or more sentences."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Verdict:
    """Of one device. `artifact` and `threads` are what is recommended; None where nothing can be."""

    device: str
    artifact: str | None
    threads: int | None
    statements: tuple[Statement, ...]

    def of(self, kind: Kind) -> list[str]:
        """Texts of the statements of a kind."""
        return [statement.text for statement in self.statements if statement.kind == kind]

    def to_dict(self) -> dict[str, Any]:
        chosen = None if self.artifact is None else {"artifact": self.artifact, "threads": self.threads}
        return {
            "device": self.device,
            "recommended": chosen,
            "statements": [asdict(statement) for statement in self.statements],
        }


def judge(bench: Bench) -> Verdict:
    """Put a device's results into words."""
    if not bench.results:
        nothing = Statement("recommendation", "Nothing: there are no results.")
        warned = tuple(Statement("warning", text) for text in limits.warnings(bench))
        return Verdict(bench.device, None, None, (nothing, *warned))
    chosen, reason = _recommend(bench)
    quantized = list(findings.int8(bench))
    said: list[tuple[Kind, list[str]]] = [
        ("recommendation", [reason]),
        ("warning", [text for warned, text in quantized if warned] + limits.warnings(bench)),
        ("backbones", findings.trade_offs(bench)),
        ("int8", [text for warned, text in quantized if not warned]),
        ("extremes", findings.extremes(bench)),
        ("limit", limits.limits(bench)),
    ]
    statements = tuple(Statement(kind, text) for kind, texts in said for text in texts)
    if chosen is None:
        return Verdict(bench.device, None, None, statements)
    return Verdict(bench.device, chosen.artifact, chosen.threads, statements)


def _recommend(bench: Bench) -> tuple[Result | None, str]:
    """The fastest of the artifacts that are not shown to be less accurate than the most accurate one."""
    clocked = findings.timed(bench)
    if not clocked:
        return None, "Nothing is recommended: no latency was measured on this device."
    sound = [r for r in clocked if r.parity_passed is not False]
    if not sound:
        return None, "Nothing is recommended: every artifact failed its parity check."
    useful = [r for r in sound if r.auc is not None and r.auc.low is not None and r.auc.low > 0.5]
    if not useful:
        return None, (
            "Nothing is recommended: no artifact is shown to tell the classes apart better than chance "
            "(the intervals of AUC reach down to 0.5, or there are none: a class has no image, or one subject)."
        )
    best = max(useful, key=lambda r: (r.accuracy.value, -_p50(r)))
    gaps = {r.name: accuracy_gap(best, r) for r in useful}
    kept = [r for r in useful if _not_shown_worse(best, r, gaps[r.name])]
    fastest = min(kept, key=_p50)
    level = [fastest] + [r for r in kept if r is not fastest and same_speed(r, fastest)]
    chosen = min(level, key=lambda r: (r.size_bytes, _p50(r)))
    return chosen, _reason(bench, chosen, best, gaps[chosen.name], len(level))


def _p50(result: Result) -> float:
    return float("inf") if result.latency is None or result.latency.p50 is None else result.latency.p50


def _not_shown_worse(best: Result, result: Result, gap: AccuracyGap | None) -> bool:
    if result.name == best.name:
        return True
    if gap is None:
        # Not on the same images: intervals that do not even meet are taken for a difference, to be on the safe side.
        low, high = best.accuracy_told.low, result.accuracy_told.high
        return low is not None and high is not None and high >= low
    return not (gap.shown() and gap.value < 0)


def _reason(bench: Bench, chosen: Result, best: Result, gap: AccuracyGap | None, level: int) -> str:
    speed = (
        "the fastest"
        if level == 1
        else "the smallest of those that the rounds do not tell apart from the fastest"
    )
    facts = (
        f"{words.ms(_p50(chosen))} ms, {words.megabytes(chosen.size_bytes)} MB, "
        f"accuracy {words.percent_interval(chosen.accuracy_told)}%"
    )
    text = f"{bench.label(chosen)} on {words.threads(chosen.threads)} ({facts}): {speed}"
    if chosen.name == best.name:
        return f"{text}, and none is more accurate on these {chosen.n} images."
    if gap is None:
        return f"{text} of those whose accuracy reaches that of {bench.label(best)} within the intervals."
    text += (
        f" among those that the {gap.n} test images do not show to be less accurate than {bench.label(best)} "
        f"({words.percent(best.accuracy.value)}%). Not shown is not excluded: {told(gap)}"
    )
    if gap.ends is None:
        return f"{text}; how far they differ on images of other people is not known."
    return f"{text}, so that it may be up to {words.percent(-min(gap.ends[0], 0.0))} points less accurate."
