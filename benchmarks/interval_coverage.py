"""How often edgeall's 95% intervals over subjects hold the true value, by simulation with known truth.

    make coverage-of-intervals                     # 4,000 replicates a setting, the table of benchmarks/results
    python benchmarks/interval_coverage.py --replicates 300

A score is a shift of its class, plus an effect of its subject, plus one of its image, all normal with a total variance
of 1: the binormal model of ROC curves, with clusters. The share of the variance that is the subject's is the
correlation of images of one subject: 0.1, 0.3, 0.5. The shift makes an AUC of 0.70, 0.85, 0.95, and the threshold lies
midway. Subjects are of one class each, as in leukaemia sets, but for the last design. Each has as many images as one of
eight subjects of C-NMC: 19, 11, 113, 7, 18, 18, 47 or 67, drawn anew. The truth is that of subjects drawn anew, for
figures that depend on it at the share of positives among the replicate's images. Differences are those between this
model and a weaker one that shares most of what it sees.

Coverage is that of the intervals that there are; "no interval" is the share of replicates without one.
"""

import argparse
import itertools
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from edgeall.statistics import Estimate, figures
from edgeall.statistics.intervals import over_subjects, share
from edgeall.statistics.paired import mean_gain
from edgeall.statistics.roc import difference_over_subjects

Floats = npt.NDArray[np.float64]

SIZES = (19, 11, 113, 7, 18, 18, 47, 67)
"""Images a subject: the eight of 300 images of C-NMC (ISBI 2019)."""
CORRELATIONS = (0.1, 0.3, 0.5)
AREAS = (0.70, 0.85, 0.95)
NOMINAL = 0.95
WANTED = 0.93


@dataclass(frozen=True)
class Design:
    """Subjects with a finding, without, and with images of both classes."""

    name: str
    positive: int
    negative: int
    both: int = 0


DESIGNS = (
    Design("3 (2 + 1)", 2, 1),
    Design("4 (2 + 2)", 2, 2),
    Design("6 (3 + 3)", 3, 3),
    Design("8 (4 + 4)", 4, 4),
    Design("8 (5 + 3)", 5, 3),
    Design("20 (10 + 10)", 10, 10),
    Design("20 (15 + 5)", 15, 5),
    Design("8, both classes each", 0, 0, 8),
)
FIGURES = {
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "f1": "F1",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "MCC",
    "brier": "Brier score",
    "auc": "AUC",
    "average_precision": "average precision",
    "delta accuracy": "difference of accuracies",
    "delta auc": "difference of AUCs",
}


class Truth:
    """Of the binormal model with a distance of `shift` between the classes, and a threshold midway."""

    def __init__(self, shift: float) -> None:
        self.shift = shift
        self.area = float(norm.cdf(shift / math.sqrt(2)))
        self.right = float(norm.cdf(shift / 2))
        cuts = np.linspace(-8.0, shift + 8.0, 8001)
        hits, alarms = norm.sf(cuts - shift), norm.sf(cuts)
        error = (self.probability(cuts)) ** 2 * norm.pdf(cuts)
        # By symmetry the same of either class.
        self.brier = float(np.trapezoid(error, cuts))
        self._shares = np.linspace(0.01, 0.99, 99)
        self._precision = [
            float(-np.trapezoid(pi * hits / np.maximum(pi * hits + (1 - pi) * alarms, 1e-300), hits))
            for pi in self._shares
        ]

    def probability(self, scores: Floats) -> Floats:
        """The probability of a finding at equal classes, (n,)."""
        return np.asarray(1 / (1 + np.exp(-self.shift * (scores - self.shift / 2))))

    def of(self, name: str, positives: float) -> float:
        """A figure at a share of `positives`."""
        hit, alarm = self.right, 1 - self.right
        calls = positives * hit + (1 - positives) * alarm
        spread = math.sqrt(positives * (1 - positives) / (calls * (1 - calls)))
        return {
            "brier": self.brier,
            "auc": self.area,
            "ppv": positives * hit / calls,
            "f1": 2 * positives * hit / (calls + positives),
            "mcc": spread * (hit - alarm),
            "average_precision": float(np.interp(positives, self._shares, self._precision)),
        }.get(name, self.right)


@dataclass
class Tally:
    held: int = 0
    none: int = 0
    n: int = 0
    width: float = 0.0

    def add(self, estimate: Estimate | None, truth: float) -> None:
        self.n += 1
        if estimate is None or estimate.low is None or estimate.high is None:
            self.none += 1
            return
        self.held += estimate.low <= truth <= estimate.high
        self.width += estimate.high - estimate.low

    @property
    def coverage(self) -> float | None:
        """Among intervals that there are."""
        return self.held / (self.n - self.none) if self.n > self.none else None

    @property
    def mean_width(self) -> float | None:
        return self.width / (self.n - self.none) if self.n > self.none else None


def replicate(
    design: Design, correlation: float, truth: Truth, other: Truth, rng: np.random.Generator
) -> Iterator[tuple[str, Estimate | None, float]]:
    """One data set: each figure's estimate, and its true value."""
    subjects = design.positive + design.negative + design.both
    images = rng.choice(SIZES, subjects)
    subject = np.repeat(np.arange(subjects), images)
    positive = subject < design.positive
    if design.both:
        positive = rng.random(len(subject)) < 0.5
        positive[:2] = True, False
    # A subject's images of the two classes need not be alike.
    effects = rng.normal(size=(2, 2, subjects))
    noise = rng.normal(size=(2, len(subject)))
    scores, others = (
        model.shift * positive
        + math.sqrt(correlation) * effects[kind][positive.astype(int), subject]
        + math.sqrt(1 - correlation) * noise[kind]
        for kind, model in enumerate((truth, other))
    )
    # The second model shares much of what it sees with the first.
    base = scores - truth.shift * positive
    others = other.shift * positive + 0.8 * base + 0.6 * (others - other.shift * positive)
    called, called_others = scores >= truth.shift / 2, others >= other.shift / 2
    positives = float(positive.mean())
    right = called == positive
    yield "accuracy", share(right, subject), truth.right
    yield "sensitivity", share(right, subject, positive), truth.right
    yield "specificity", share(right, subject, ~positive), truth.right
    errors = (truth.probability(scores) - positive) ** 2
    yield "brier", over_subjects(figures.mean(errors), positive, subject), truth.brier
    for name, of_calls in figures.OF_CALLS.items():
        figure = of_calls(positive, called)
        found = None if figure is None else over_subjects(figure, positive, subject)
        yield name, found, truth.of(name, positives)
    for name, of_scores in figures.OF_SCORES.items():
        found = over_subjects(of_scores(positive, scores), positive, subject)
        yield name, found, truth.of(name, positives)
    gained = (called_others == positive).astype(np.float64) - right
    yield "delta accuracy", mean_gain(gained, subject), other.right - truth.right
    yield "delta auc", difference_over_subjects(positive, scores, others, subject)[0], other.area - truth.area


def simulate(
    design: Design, correlation: float, area: float, replicates: int, seed: int = 0
) -> dict[str, Tally]:
    """A setting's tallies by figure."""
    shift = math.sqrt(2) * float(norm.ppf(area))
    truth, other = Truth(shift), Truth(0.85 * shift)
    rng = np.random.default_rng(seed)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for _ in range(replicates):
        for name, estimate, value in replicate(design, correlation, truth, other, rng):
            tallies[name].add(estimate, value)
    return dict(tallies)


def lines(replicates: int, processes: int) -> Iterator[str]:
    yield f"Replicates a setting: {replicates:,}. Seed 0."
    settings = list(itertools.product(CORRELATIONS, AREAS))
    for design in DESIGNS:
        with ProcessPoolExecutor(processes) as pool:
            each = [pool.submit(simulate, design, *setting, replicates) for setting in settings]
            tallies = {setting: of.result() for setting, of in zip(settings, each, strict=True)}
        yield ""
        yield f"## Subjects: {design.name}"
        yield ""
        yield (
            "| figure | no interval | least coverage | at correlation, AUC | mean coverage | mean width "
            "(least to greatest of the settings) |"
        )
        yield "|---|--:|--:|---|--:|--:|"
        for name, title in FIGURES.items():
            yield _row(title, {setting: of[name] for setting, of in tallies.items()})
        print(design.name, "done", file=sys.stderr, flush=True)


def _row(title: str, of_setting: dict[tuple[float, float], Tally]) -> str:
    none = sum(t.none for t in of_setting.values()) / sum(t.n for t in of_setting.values())
    some = {setting: t.coverage for setting, t in of_setting.items() if t.n - t.none > 0.5 * t.n}
    known = {setting: coverage for setting, coverage in some.items() if coverage is not None}
    shown = "" if not none else "under 0.1%" if none < 0.001 else f"{none:.1%}"
    if not known:
        return f"| {title} | {shown} | | | | |"
    worst = min(known, key=lambda setting: known[setting])
    widths = [width for t in of_setting.values() if (width := t.mean_width) is not None]
    mark = "" if known[worst] >= WANTED else " **under 93%**"
    return (
        f"| {title} | {shown or '0'} | {known[worst]:.1%}{mark} | {worst[0]}, {worst[1]} | "
        f"{np.mean(list(known.values())):.1%} | {np.mean(widths):.2f} ({min(widths):.2f} to {max(widths):.2f}) |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write there instead of to standard output")
    args = parser.parse_args()
    heading = ["# Coverage of intervals over subjects", "", *(__doc__ or "").strip().splitlines(), ""]
    text = "\n".join([*heading, *lines(args.replicates, args.processes)]) + "\n"
    if args.out is None:
        print(text)
    else:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
