"""The verdict on a device: which artifact to take there and why, what the others are worth, and what is not known.

A pure function of the results: the same results, the same words.
"""

from dataclasses import asdict, dataclass
from typing import Literal

from edgeall import formatting
from edgeall.reporting import caveats, findings
from edgeall.reporting.findings import in_figures
from edgeall.results import Bench, JsonObject, Result
from edgeall.results.pairing import (
    accuracy_difference,
    auc_difference,
    same_speed,
    time_ratio,
    worth_its_time,
)
from edgeall.statistics import LEAST_GAIN

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
class DeviceVerdict:
    """Of one device. `artifact` and `threads` are what is recommended; None where nothing can be."""

    device: str
    artifact: str | None
    threads: int | None
    statements: tuple[Statement, ...]

    def of(self, kind: Kind) -> list[str]:
        """Texts of the statements of a kind."""
        return [statement.text for statement in self.statements if statement.kind == kind]

    def to_dict(self) -> JsonObject:
        chosen = None if self.artifact is None else {"artifact": self.artifact, "threads": self.threads}
        return {
            "device": self.device,
            "recommended": chosen,
            "statements": [asdict(statement) for statement in self.statements],
        }


def judge(bench: Bench) -> DeviceVerdict:
    """Put a device's results into words."""
    if not bench.results:
        nothing = Statement("recommendation", "Nothing: there are no results.")
        warned = tuple(Statement("warning", text) for text in caveats.warnings(bench))
        return DeviceVerdict(bench.device, None, None, (nothing, *warned))
    chosen, reasons = _recommend(bench)
    quantized = list(findings.int8(bench))
    found: list[tuple[Kind, list[str]]] = [
        ("recommendation", reasons),
        ("warning", [text for warned, text in quantized if warned] + caveats.warnings(bench)),
        ("backbones", findings.trade_offs(bench)),
        ("int8", [text for warned, text in quantized if not warned]),
        ("extremes", findings.extremes(bench)),
        ("limit", caveats.limits(bench)),
    ]
    statements = tuple(Statement(kind, text) for kind, texts in found for text in texts)
    if chosen is None:
        return DeviceVerdict(bench.device, None, None, statements)
    return DeviceVerdict(bench.device, chosen.artifact, chosen.threads, statements)


def _recommend(bench: Bench) -> tuple[Result | None, list[str]]:
    """The fastest of the usable artifacts that are shown to be worse than the best neither in accuracy nor in AUC."""
    if not findings.timed(bench):
        return None, ["Nothing is recommended: no latency was measured on this device."]
    excluded = {r.name: reason for r in bench.results if (reason := _why_excluded(r)) is not None}
    idle = {id(int8) for float32, int8 in findings.beside_float32(bench) if not _saves_time(float32, int8)}
    useful = [r for r in findings.timed(bench) if r.name not in excluded and id(r) not in idle]
    left_out = _left_out(bench, excluded) + _saves_no_time(bench, [r for r in bench.results if id(r) in idle])
    if not useful:
        return None, ["Nothing is recommended: no artifact may be.", *left_out]
    best = max(useful, key=lambda r: (r.accuracy.value, -_p50(r)))
    sharpest = max(useful, key=lambda r: (_auc(r), -_p50(r)))
    kept = [r for r in useful if _not_shown_worse(best, r) and not _loses_auc(sharpest, r)]
    fastest = min(kept or useful, key=_p50)
    level = [fastest] + [r for r in kept if r is not fastest and same_speed(r, fastest)]
    chosen = min(level, key=lambda r: (r.size_bytes, _p50(r)))
    reasons = [_reason(bench, chosen, best, sharpest, len({r.name for r in useful}), len(level))]
    if chosen.unproven:
        reasons.append(f"Its parity is {caveats.unproven_on([chosen])}.")
    if faster := [r for r in useful if _p50(r) < _p50(fastest) and r.name != chosen.name]:
        names = formatting.listed(list(dict.fromkeys(bench.label(r) for r in faster)))
        reasons.append(f"Faster, but shown to be worse in accuracy or AUC: {names}.")
    return chosen, reasons + left_out


def _why_excluded(result: Result) -> str | None:
    """Why an artifact is not considered; None where it is."""
    if result.failed_parity:
        return "failed the parity check"
    if result.auc is None:
        return "AUC undefined"
    if result.auc.low is None:
        return "no interval of AUC can be had, so that it is not shown to be better than chance"
    if result.auc.low <= 0.5:
        return "not shown to be better than chance: the interval of AUC reaches down to 0.5"
    return None


def _saves_time(float32: Result, int8: Result) -> bool:
    return worth_its_time(time_ratio(float32, int8))


def _left_out(bench: Bench, excluded: dict[tuple[str, str, str, str], str]) -> list[str]:
    """What is not considered and why, with the figures that would have spoken for it: a statement a reason."""
    every = findings.artifacts(bench)
    found = []
    for reason in dict.fromkeys(excluded.values()):
        names = [bench.name(r) for r in every if excluded.get(r.name) == reason]
        found.append(
            f"Left out, {len(names)} of {len(every)} artifacts ({reason}): {formatting.listed(names)}."
        )
    return found


def _saves_no_time(bench: Bench, idle: list[Result]) -> list[str]:
    if not idle:
        return []
    names = [f"{bench.label(r)} on {formatting.threads(r.threads)}" for r in idle]
    return [
        f"Left out, INT8 that was not measured {LEAST_GAIN:g} times as fast as its float32 here: "
        f"{formatting.listed(names)}."
    ]


def _p50(result: Result) -> float:
    return (
        float("inf") if result.latency_ms is None or result.latency_ms.p50 is None else result.latency_ms.p50
    )


def _auc(result: Result) -> float:
    return 0.0 if result.auc is None else result.auc.value


def _not_shown_worse(best: Result, result: Result) -> bool:
    if result.name == best.name:
        return True
    gap = accuracy_difference(best, result)
    if gap is None:
        # Not on the same images: intervals that do not even meet are taken for a difference, to be on the safe side.
        low, high = best.accuracy_shown.low, result.accuracy_shown.high
        return low is not None and high is not None and high >= low
    return not gap.loss


def _loses_auc(best: Result, result: Result) -> bool:
    gap = auc_difference(best, result)
    return gap is not None and gap.loss


def _reason(bench: Bench, chosen: Result, best: Result, sharpest: Result, considered: int, level: int) -> str:
    speed = (
        "the fastest"
        if level == 1
        else "the smallest of those that the rounds do not tell apart from the fastest"
    )
    facts = (
        f"{formatting.ms(_p50(chosen))} ms, {formatting.megabytes(chosen.size_bytes)} MB, "
        f"accuracy {formatting.percent_interval(chosen.accuracy_shown)}%, AUC {formatting.share_interval(chosen.auc)}"
    )
    text = f"{bench.label(chosen)} on {formatting.threads(chosen.threads)} ({facts}): {speed}"
    of = "the one artifact" if considered == 1 else f"the {considered} artifacts"
    text += f" of {of} that may be recommended here"
    if best.accuracy.value <= chosen.accuracy.value and _auc(sharpest) <= _auc(chosen):
        return f"{text}. None of them is more accurate or has a higher AUC on these {chosen.n} images."
    return f"{text} and are not shown to be worse than the best of them.{_not_excluded(bench, chosen, best, sharpest)}"


def _not_excluded(bench: Bench, chosen: Result, best: Result, sharpest: Result) -> str:
    """How much worse the chosen may yet be: not shown is not excluded."""
    text = ""
    lower = best.accuracy.value > chosen.accuracy.value, _auc(sharpest) > _auc(chosen)
    for is_lower, other, gap, figure in (
        (
            lower[0],
            best,
            accuracy_difference(best, chosen),
            f"accuracy, {formatting.percent(best.accuracy.value)}%",
        ),
        (lower[1], sharpest, auc_difference(sharpest, chosen), f"AUC, {_auc(sharpest):.2f}"),
    ):
        if not is_lower:
            continue
        head = f" The highest {figure}, is that of {bench.label(other)}"
        if gap is None:
            text += f"{head}, on other images or without scores: intervals were compared, no test was made."
            continue
        least = None if gap.delta.low is None else -min(gap.delta.low, 0.0)
        most = (
            "how much worse it may be is not known"
            if least is None
            else f"it may be up to {formatting.percent(least)} points less accurate"
            if gap.metric == "accuracy"
            else f"its AUC may be up to {least:.3f} lower"
        )
        text += f"{head}. Not shown is not excluded on {gap.n} images: {in_figures(gap)}, so that {most}."
    return text
