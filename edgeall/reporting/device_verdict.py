"""The verdict on a device: which artifact to take there and why, what the others are worth, and what is not known.

A pure function of the results: the same results, the same words.
"""

from dataclasses import asdict, dataclass
from typing import Literal

from edgeall import formatting
from edgeall.recommending.choosing import auc, choose, speed
from edgeall.recommending.measured import artifacts, timed
from edgeall.reporting import caveats, corruption_findings, findings
from edgeall.reporting.findings import in_figures
from edgeall.results import Bench, JsonObject, Result
from edgeall.results.pairing import accuracy_difference, auc_difference
from edgeall.statistics import LEAST_GAIN

Kind = Literal["recommendation", "backbones", "int8", "robustness", "extremes", "warning", "limit"]

HEADINGS: dict[Kind, str] = {
    "recommendation": "Take",
    "warning": "Beware",
    "backbones": "What the costlier backbone is worth",
    "int8": "What INT8 is worth",
    "robustness": "What corrupted pictures do",
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
    corrupted = list(corruption_findings.robustness(bench))
    found: list[tuple[Kind, list[str]]] = [
        ("recommendation", reasons),
        ("warning", [text for warned, text in (*quantized, *corrupted) if warned] + caveats.warnings(bench)),
        ("backbones", findings.trade_offs(bench)),
        ("int8", [text for warned, text in quantized if not warned]),
        ("robustness", [text for warned, text in corrupted if not warned]),
        ("extremes", findings.extremes(bench)),
        ("limit", caveats.limits(bench)),
    ]
    statements = tuple(Statement(kind, text) for kind, texts in found for text in texts)
    if chosen is None:
        return DeviceVerdict(bench.device, None, None, statements)
    return DeviceVerdict(bench.device, chosen.artifact, chosen.threads, statements)


def _recommend(bench: Bench) -> tuple[Result | None, list[str]]:
    """The choice of `edgeall.recommending` without limits, in words."""
    if not timed(bench):
        return None, ["Nothing is recommended: no latency was measured on this device."]
    choice = choose(bench)
    excluded = {
        candidate.result.name: reason.text
        for candidate in choice.candidates
        for reason in reversed(candidate.reasons)
        if reason.kind not in ("idle", "clock")
    }
    idle = [c.result for c in choice.candidates if any(reason.kind == "idle" for reason in c.reasons)]
    left_out = _left_out(bench, excluded) + _saves_no_time(bench, idle)
    if choice.best is None or choice.sharpest is None:
        return None, ["Nothing is recommended: no artifact may be.", *left_out]
    if choice.chosen is None:
        names = f"{bench.label(choice.best)} is the most accurate, {bench.label(choice.sharpest)} has the highest AUC"
        why = f"{names}, and each artifact is shown to be worse than one of the two"
        return None, [f"Nothing is recommended: the data do not decide. {why}.", *left_out]
    considered = len({r.name for r in choice.useful})
    reasons = [_reason(bench, choice.chosen, choice.best, choice.sharpest, considered, len(choice.level))]
    if choice.chosen.unproven:
        reasons.append(f"Its parity is {caveats.unproven_on([choice.chosen])}.")
    if faster := [
        r for r in choice.useful if speed(r) < speed(choice.level[0]) and r.name != choice.chosen.name
    ]:
        names = formatting.listed(list(dict.fromkeys(bench.label(r) for r in faster)))
        reasons.append(f"Faster, but shown to be worse in accuracy or AUC: {names}.")
    return choice.chosen, reasons + left_out


def _left_out(bench: Bench, excluded: dict[tuple[str, str, str, str], str]) -> list[str]:
    """What is not considered and why, with the figures that would have spoken for it: a statement a reason."""
    every = artifacts(bench)
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


def _reason(bench: Bench, chosen: Result, best: Result, sharpest: Result, considered: int, level: int) -> str:
    place = (
        "the fastest"
        if level == 1
        else "the smallest of those that the rounds do not tell apart from the fastest"
    )
    facts = (
        f"{formatting.ms(speed(chosen))} ms, {formatting.megabytes(chosen.size_bytes)} MB, "
        f"accuracy {formatting.percent_interval(chosen.accuracy_shown)}%, AUC {formatting.share_interval(chosen.auc)}"
    )
    text = f"{bench.label(chosen)} on {formatting.threads(chosen.threads)} ({facts}): {place}"
    of = "the one artifact" if considered == 1 else f"the {considered} artifacts"
    text += f" of {of} that may be recommended here"
    if best.accuracy.value <= chosen.accuracy.value and auc(sharpest) <= auc(chosen):
        return f"{text}. None of them is more accurate or has a higher AUC on these {chosen.n} images."
    return f"{text} and are not shown to be worse than the best of them.{_not_excluded(bench, chosen, best, sharpest)}"


def _not_excluded(bench: Bench, chosen: Result, best: Result, sharpest: Result) -> str:
    """How much worse the chosen may yet be: not shown is not excluded."""
    text = ""
    lower = best.accuracy.value > chosen.accuracy.value, auc(sharpest) > auc(chosen)
    for is_lower, other, gap, figure in (
        (
            lower[0],
            best,
            accuracy_difference(best, chosen),
            f"accuracy, {formatting.percent(best.accuracy.value)}%",
        ),
        (lower[1], sharpest, auc_difference(sharpest, chosen), f"AUC, {auc(sharpest):.2f}"),
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
