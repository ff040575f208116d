"""The recommendation for a device in words and as JSON: what to take, because of what, and what is not known."""

import math
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from edgeall import formatting
from edgeall.recommending.choosing import UNLIMITED, Candidate, Choice, auc, choose, front, speed
from edgeall.recommending.constraints import (
    NAMES,
    OPTIONS,
    Constraints,
    LatencyRange,
    Reason,
    latency_range,
    shares,
)
from edgeall.recommending.measured import NOT_ALONE, differences_beside, repeated, synthetic
from edgeall.results import Bench, Failure, JsonObject, Result
from edgeall.results.differences import FEW_SUBJECTS
from edgeall.results.pairing import accuracy_difference, auc_difference, same_images

WIDTH, MOST_LINES = 80, 3
"""Columns of a terminal, and how many of its lines each line for people takes at most."""


TAKE, BECAUSE, NOT_KNOWN = "Take this", "Because", "Not known"


@dataclass(frozen=True)
class Recommendation:
    """Of one device.

    Attributes:
        front: the Pareto front, see `choosing.front`.
        failures: what did not run there and has no result.
        take, because, not_known: the answer in sentences, the most important first; `take` is one.
    """

    bench: Bench
    constraints: Constraints
    choice: Choice
    front: tuple[Result, ...]
    failures: tuple[Failure, ...]
    take: str
    because: tuple[str, ...]
    not_known: tuple[str, ...]

    @property
    def chosen(self) -> Result | None:
        """None: nothing may be taken, or the data do not decide."""
        return self.choice.chosen

    def lines(self, rest: str = "--json tells {} more") -> tuple[str, str, str]:
        """The answer for people, each `MOST_LINES` lines of `WIDTH` columns; what does not fit is counted.

        Args:
            rest: where to find what does not fit, with {} for its count.
        """
        return (
            _line(TAKE, [self.take], rest),
            _line(BECAUSE, self.because, rest),
            _line(NOT_KNOWN, self.not_known, rest),
        )

    def beyond(self, rest: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sentences of `because` and of `not_known` that have no place in `lines(rest)`."""
        return (
            self.because[_fitting(BECAUSE, self.because, rest) :],
            self.not_known[_fitting(NOT_KNOWN, self.not_known, rest) :],
        )

    def to_dict(self) -> JsonObject:
        """JSON-ready. Shares in [0, 1], times in ms, sizes in bytes."""
        return {
            "device": self.bench.device,
            "constraints": asdict(self.constraints),
            "candidates": [
                *(_candidate(self.bench, each) for each in self.choice.candidates),
                *map(_absent, self.failures),
            ],
            "front": list(dict.fromkeys(r.artifact for r in self.front)),
            "choice": None if self.chosen is None else self.chosen.artifact,
            "threads": None if self.chosen is None else self.chosen.threads,
            "because": list(self.because),
            "not_known": list(self.not_known),
        }


def recommend(
    bench: Bench, constraints: Constraints = UNLIMITED, formats: Collection[str] | None = None
) -> Recommendation:
    """Decide which artifact to take on a device.

    Args:
        formats: what the device's profile runs; None where it is not known.
    """
    choice = choose(bench, constraints, formats)
    known = {r.sha256 for r in bench.results} | {r.artifact for r in bench.results}
    failures = tuple(
        {
            f.artifact: f for f in reversed(bench.failures) if not {f.sha256, f.artifact} & (known - {None})
        }.values()
    )
    if choice.chosen is None:
        take, because = _nothing(bench, choice)
    else:
        take = _named(bench, choice.chosen)
        because = _because(bench, constraints, choice, choice.chosen)
    absent = [f"{f.artifact} did not run there: {f.error}." for f in failures]
    not_known = tuple(_not_known(bench, choice))
    return Recommendation(
        bench, constraints, choice, front(choice), failures, take, (*because, *absent), not_known
    )


def _line(head: str, sentences: Sequence[str], rest: str) -> str:
    shown = _fitting(head, sentences, rest)
    if shown:
        return _joined(head, sentences, shown, rest)
    words = sentences[0].split(" ")
    while words and not _fits(_joined(head, [" ".join(words) + "…", *sentences[1:]], 1, rest)):
        words.pop()
    return _joined(head, [" ".join(words) + "…", *sentences[1:]], 1, rest)


def _fitting(head: str, sentences: Sequence[str], rest: str) -> int:
    """How many of the sentences fit."""
    fitting = [n for n in range(1, len(sentences) + 1) if _fits(_joined(head, sentences, n, rest))]
    return max(fitting, default=0)


def _joined(head: str, sentences: Sequence[str], shown: int, rest: str) -> str:
    left = len(sentences) - shown
    return f"{head}: {' '.join(sentences[:shown])}" + (f" ({rest.format(left)})" if left else "")


def _fits(text: str) -> bool:
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    # A path that is longer than a line has lines of its own.
    return sum(math.ceil(len(line) / WIDTH) for line in lines) <= MOST_LINES


def _named(bench: Bench, result: Result) -> str:
    found = latency_range(result, bench.emulated)
    figures = [] if found is None else [time_shown(found)]
    figures += [
        f"{formatting.megabytes(result.size_bytes)} MB",
        f"accuracy {formatting.percent_interval(result.accuracy_shown)}%",
        f"AUC {formatting.share_interval(result.auc)}",
    ]
    name = f"{bench.name(result)} on {formatting.threads(result.threads)}"
    # The file comes before the figures, so that it is not what a long line loses.
    return f"{name}: {result.artifact} ({', '.join(figures)})"


def time_shown(found: LatencyRange) -> str:
    """A latency in words; an estimate is called one."""
    if found.estimated:
        return (
            "latency estimated" if found.high is None else f"≈ up to {formatting.ms(found.high)} ms estimated"
        )
    return f"{formatting.ms(found.value)} ms"


def _because(bench: Bench, limits: Constraints, choice: Choice, chosen: Result) -> list[str]:
    found = []
    if kept := _limits_kept(bench, limits, chosen):
        found.append(f"{_kept(bench, limits, chosen)}: {', '.join(kept)}.")
    found += [_pace(bench, choice, chosen), _worth(bench, choice, chosen)]
    found += [*_unlike(bench, choice.useful), *_faster(bench, choice)]
    if left_out := list(_left_out(bench, choice)):
        found.append(f"Left out: {'; '.join(left_out)}.")
    return found


def _kept(bench: Bench, limits: Constraints, chosen: Result) -> str:
    time = latency_range(chosen, bench.emulated)
    if limits.max_latency_ms is not None and time is not None and time.estimated:
        return "Keeps every limit, that of latency by an estimate"
    return "Shown to keep every limit"


def _limits_kept(bench: Bench, limits: Constraints, chosen: Result) -> list[str]:
    found = []
    time = latency_range(chosen, bench.emulated)
    if limits.max_latency_ms is not None and time is not None:
        found.append(f"latency up to {formatting.ms(time.high)} ms ({time.words})")
    for kind, estimate in shares(chosen).items():
        if getattr(limits, kind) is not None and estimate is not None and estimate.low is not None:
            found.append(
                f"{NAMES[kind]} at least {formatting.percent(estimate.low)}%"
                if kind != "min_auc"
                else f"AUC at least {estimate.low:.3f}"
            )
    if limits.max_size_bytes is not None:
        found.append(f"{formatting.megabytes(chosen.size_bytes)} MB")
    if limits.max_memory_bytes is not None:
        found.append(f"memory {formatting.megabytes(chosen.peak_rss_bytes)} MB")
    return found


def _pace(bench: Bench, choice: Choice, chosen: Result) -> str:
    useful, kept, level = (len({r.name for r in some}) for some in (choice.useful, choice.kept, choice.level))
    if useful == 1:
        return "The only artifact that may be taken there."
    if kept == 1:
        others = _some(bench.name(r) for r in choice.useful if r.name != chosen.name)
        return f"All others that may be taken are shown to be worse in accuracy or AUC: {others}."
    of = f"of {kept} that are not shown to be worse than the best"
    if level == 1:
        return f"The fastest {of}."
    alike = "without a measured time" if speed(chosen) == math.inf else "not told apart in speed"
    return f"The smallest of {level} {alike}, {of}."


def _worth(bench: Bench, choice: Choice, chosen: Result) -> str:
    best, sharpest, elsewhere = choice.best, choice.sharpest, _elsewhere(choice, chosen)
    better = []
    if best is not None and best.accuracy.value > chosen.accuracy.value:
        better.append((f"accuracy {formatting.percent(best.accuracy.value)}%", best))
    if sharpest is not None and auc(sharpest) > auc(chosen):
        better.append((f"AUC {auc(sharpest):.3f}", sharpest))
    if better:
        told = [
            f"{figure} of {bench.name(other)}{' on other images' if other in elsewhere else ''}"
            for figure, other in better
        ]
        return f"The best observed: {formatting.listed(told)}."
    among = " of those tested on its images" if elsewhere else " that may be taken"
    return f"None{among} is more accurate or has a higher AUC on these {chosen.n} images."


def _elsewhere(choice: Choice, chosen: Result) -> list[Result]:
    """What may be taken and was tested on other images: accuracies of two test sets are no comparison."""
    return [r for r in choice.useful if same_images(chosen, r) is False]


def _faster(bench: Bench, choice: Choice) -> Iterator[str]:
    kept, fastest = {r.name for r in choice.kept}, speed(choice.level[0])
    names = [bench.name(r) for r in choice.useful if r.name not in kept and speed(r) < fastest]
    if names and len(kept) > 1:
        yield f"Faster, but shown to be worse in accuracy or AUC: {_some(names)}."


def _some(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    return formatting.listed(every) if len(every) <= _NAMED else f"{len(every)} artifacts"


_NAMED = 3
"""Most artifacts that a sentence names; of more it gives the number."""


def _left_out(bench: Bench, choice: Choice) -> Iterator[str]:
    """By kind of reason how many artifacts it leaves out, the first reason of each."""
    every = [c for c in choice.candidates if c.reasons]
    for kind in dict.fromkeys(c.reasons[0].kind for c in every):
        of_kind = [c for c in every if c.reasons[0].kind == kind]
        yield f"{_some(bench.name(c.result) for c in of_kind)} ({KINDS.get(kind) or OPTIONS[kind]})"


KINDS = {
    "failure": "failed there",
    "format": "not in the device's profile",
    "parity": "failed the parity check",
    "auc": "not shown to be better than chance",
    "idle": "INT8 hardly faster than its float32",
    "clock": "no latency measured",
}
"""Reasons that are no limit."""


_NONE = {
    "auc": "No artifact is shown to be better than chance.",
    "clock": "No latency was measured there.",
    "failure": "Every artifact failed there.",
    "parity": "Every artifact failed the parity check.",
}
"""What is said where one kind of reason rules out all."""


def _nothing(bench: Bench, choice: Choice) -> tuple[str, list[str]]:
    if choice.best is not None and choice.sharpest is not None:
        return "nothing. The data do not decide.", [
            f"{bench.label(choice.best)} is the most accurate, {bench.label(choice.sharpest)} has the highest AUC, "
            "and each artifact is shown to be worse than one of the two."
        ]
    if not choice.candidates:
        return "nothing. There are no results.", ["No artifact was measured there."]
    counts = {
        kind: sum(any(r.kind == kind for r in c.reasons) for c in choice.candidates)
        for kind in dict.fromkeys(reason.kind for c in choice.candidates for reason in c.reasons)
    }
    excluded = ", ".join(f"{OPTIONS.get(kind) or KINDS[kind]} {count}" for kind, count in counts.items())
    total = len(choice.candidates)
    told = f"Excluded, of {total} measured: {excluded}."
    near = min(choice.candidates, key=_distance)
    miss = "; ".join(reason.text for reason in near.reasons)
    nearest = f"Nearest: {bench.label(near.result)} on {formatting.threads(near.result.threads)}: {miss}."
    if all(reason.open for reason in near.reasons):
        take = "nothing. The data do not decide whether the limits are kept."
    elif counts.keys() & OPTIONS.keys():
        take = "nothing. No artifact may be taken under these limits."
    else:
        alone = next(iter(counts)) if len(counts) == 1 else ""
        take = f"nothing. {_NONE.get(alone, 'No artifact may be taken there.')}"
    # Of what no limit concerns and no figure tells, the nearest is no nearer than others.
    plain = {reason.kind for reason in near.reasons} <= {"clock", "parity"}
    return take, [told] if plain else [nearest, told]


def _distance(candidate: Candidate) -> tuple[int, int, float]:
    """Order of misses: what no limit would help, then the fewest limits that are missed, then by how little."""
    hopeless = sum(reason.kind not in OPTIONS for reason in candidate.reasons)
    missed = sum(not reason.open for reason in candidate.reasons)
    return hopeless, missed, sum(1.0 if r.miss is None else r.miss for r in candidate.reasons)


def _unlike(bench: Bench, among: Iterable[Result]) -> list[str]:
    return [f"{each}: {NOT_ALONE}." for each in differences_beside(bench, among)]


def _not_known(bench: Bench, choice: Choice) -> Iterator[str]:
    chosen = choice.chosen
    if chosen is not None:
        yield from _of_chosen(bench, choice, chosen)
    found = None if chosen is None else latency_range(chosen, bench.emulated)
    if bench.emulated and (found is None or not found.estimated):
        yield "How fast it is there: an emulator ran it."
    yield from _of_images(bench)
    yield "What it is worth in patient care: research use only, not a medical device."


def _of_chosen(bench: Bench, choice: Choice, chosen: Result) -> Iterator[str]:
    found = latency_range(chosen, bench.emulated)
    if found is not None and found.estimated:
        yield "Its real latency: it is estimated, not measured."
    if chosen.unproven:
        images = "" if chosen.parity is None else f" ({chosen.parity.n} images leave its parity unproven)"
        yield f"Whether it answers as the trained model does{images}."
    elsewhere = _elsewhere(choice, chosen)
    if elsewhere:
        names = _some(bench.name(r) for r in elsewhere)
        yield f"How it compares with {names}: not tested on the same images."
    for other, test in ((choice.best, accuracy_difference), (choice.sharpest, auc_difference)):
        if other is None or other.name == chosen.name or other in elsewhere:
            continue
        gap = test(other, chosen)
        if gap is not None and gap.delta.low is not None and gap.delta.low < 0 and gap.delta.value < 0:
            least = -gap.delta.low
            if gap.metric == "accuracy":
                yield f"Whether it is up to {formatting.percent(least)} points less accurate than {bench.label(other)}."
            else:
                yield f"Whether its AUC is up to {least:.3f} below that of {bench.label(other)}."
        elif gap is None:
            yield f"How it compares with {bench.label(other)}: without predictions or scores there is no test."
    times = repeated(bench).get(f"{bench.name(chosen)} on {formatting.threads(chosen.threads)}")
    if times is not None:
        yield f"Which of its {times} measurements there holds."
    marks = [mark for mark in ("noisy", "throttled", "hot", "short") if getattr(chosen, mark)]
    if marks:
        yield f"How fast it is at rest: {', '.join(_MARKS[mark] for mark in marks)}."
    if chosen.peak_rss_bytes is None:
        yield "How much memory it takes there."


_MARKS = {
    "noisy": "its rounds differ by more than 10%",
    "throttled": "the processor was slowed down",
    "hot": "it started too hot",
    "short": "fewer runs than comparable figures need",
}


def _of_images(bench: Bench) -> Iterator[str]:
    if not bench.results:
        return
    if any(synthetic(r.data) for r in bench.results):
        yield "Anything of patients: the images are synthetic."
    people = [r.clusters for r in bench.results if r.clusters is not None]
    if people and min(people) < FEW_SUBJECTS:
        yield f"How people unlike these {min(people)} subjects are answered."
    yield from (text for split, text in _SPLITS.items() if any(r.split_by == split for r in bench.results))


_SPLITS = {
    "image": "How new people are answered: the split is by image, and one person may be on both sides of it.",
    "unknown": "How new images are answered: some test images are not known to be held out from training.",
}


def _candidate(bench: Bench, candidate: Candidate) -> JsonObject:
    r = candidate.result
    time = latency_range(r, bench.emulated)
    return {
        "artifact": r.artifact,
        "backbone": r.backbone,
        "format": r.format,
        "precision": r.precision,
        "threads": r.threads,
        "feasible": candidate.feasible,
        "reasons": [_reason(reason) for reason in candidate.reasons],
        "figures": {
            "latency_ms": None if time is None else time.value,
            "latency_high_ms": None if time is None else time.high,
            "latency_kind": "unknown" if time is None else "estimated" if time.estimated else "measured",
            "size_bytes": r.size_bytes,
            "peak_rss_bytes": None if bench.emulated else r.peak_rss_bytes,
        }
        | {NAMES[k].lower(): None if e is None else e.to_dict() for k, e in shares(r).items()},
    }


def _reason(reason: Reason) -> str:
    """With the option whose limit is not shown to be kept."""
    option = OPTIONS.get(reason.kind)
    return f"{option}: {reason.text}" if option else reason.text


def _absent(failure: Failure) -> JsonObject:
    """What has no result: its file's name alone is known."""
    unknown: JsonObject = dict.fromkeys(("backbone", "format", "precision", "threads"))
    return (
        {"artifact": failure.artifact}
        | unknown
        | {
            "feasible": False,
            "reasons": [f"did not run there: {failure.error}"],
            "figures": {},
        }
    )
