"""Every pair of what is compared, what the data support of it, and what is worse beyond a tolerance."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from edgeall import runs
from edgeall.comparing.common_images import common
from edgeall.comparing.cost_ratios import Ratio, ratios
from edgeall.comparing.loading import Entry, Place, Source, open_sources
from edgeall.comparing.metric_differences import paired, separate
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Progress
from edgeall.results.differences import Difference
from edgeall.statistics import holm

_ROUNDING = 1e-9
"""0.90 - 0.89 is a hair over 0.01, which is not beyond a tolerance of 0.01."""


@dataclass(frozen=True)
class Tolerances:
    """How much worse a later one may be than the first: of shares the most lost, of latency the greatest ratio.

    None: not judged. `accuracy` is that of the verdict and that of the class.
    """

    accuracy: float = 0.01
    auc: float = 0.005
    latency: float = 1.1
    sensitivity: float | None = None
    specificity: float | None = None

    def of(self, metric: str) -> float | None:
        """Of a metric of answers."""
        return {
            "accuracy": self.accuracy,
            "class_accuracy": self.accuracy,
            "auc": self.auc,
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
        }[metric]

    def exceeded(self, figure: Difference | Ratio) -> bool:
        """By the figure as observed, whatever its interval."""
        if isinstance(figure, Ratio):
            return figure.metric == "latency" and figure.ratio.value > self.latency + _ROUNDING
        most = self.of(figure.metric)
        return most is not None and figure.delta.value < -(most + _ROUNDING)


@dataclass(frozen=True)
class Comparison:
    """b beside a, both names of sources.

    Attributes:
        place: which result of benches; None of runs.
        common: images that both were tested on and the differences rest on; 0 where they are not paired.
        n: test images of a and of b.
        shared: images that both were tested on, too few to pair where `common` is 0.
        subjects: people among the common images; None where not known.
    """

    a: str
    b: str
    place: Place | None
    common: int
    n: tuple[int, int]
    shared: int
    subjects: int | None
    differences: tuple[Difference, ...]
    ratios: tuple[Ratio, ...]

    @property
    def paired(self) -> bool:
        return self.common > 0

    @property
    def figures(self) -> tuple[Difference | Ratio, ...]:
        return (*self.differences, *self.ratios)

    def difference(self, metric: str) -> Difference | None:
        return next((d for d in self.differences if d.metric == metric), None)

    @property
    def answers(self) -> tuple[object, ...]:
        """What tells apart differences that were tested: the same for every thread count."""
        place = self.place
        return (self.a, self.b, None if place is None else dataclasses.replace(place, threads=0))


@dataclass(frozen=True)
class Worse:
    """A later one that is worse than the first beyond a tolerance."""

    name: str
    place: Place | None
    figure: Difference | Ratio


@dataclass(frozen=True)
class Outcome:
    """All pairs, those with the first source first."""

    sources: tuple[Source, ...]
    comparisons: tuple[Comparison, ...]
    tolerances: Tolerances
    unmatched: tuple[tuple[str, Place], ...]

    @property
    def with_first(self) -> tuple[Comparison, ...]:
        return tuple(c for c in self.comparisons if c.a == self.sources[0].name)

    @property
    def worse(self) -> tuple[Worse, ...]:
        return tuple(
            Worse(c.b, c.place, figure)
            for c in self.with_first
            for figure in c.figures
            if self.tolerances.exceeded(figure)
        )


def compare(
    paths: Sequence[AnyPath],
    tolerances: Tolerances | None = None,
    *,
    root: AnyPath = runs.RUNS_FOLDER,
    progress: Progress = SILENT,
) -> Outcome:
    """Compare two or more runs (or pooled folds), or two or more bench results; the first is the reference.

    Two are paired on the images that both were tested on, where these are at least half of the smaller test set;
    else their figures stand side by side. p-values are adjusted by Holm's method within each metric, for all pairs.

    Raises:
        UsageError: see `open_sources`; or nothing in common to compare, or truths that contradict each other; or a
            sensitivity or specificity that has a tolerance is not known.
        RunError, MeasurementError: damaged files.
    """
    sources = open_sources([Path(path) for path in paths], Path(root))
    pairs = list(combinations(sources, 2))
    found: list[Comparison] = []
    with progress.stage(f"comparing {len(sources)}", len(pairs)) as advance:
        for a, b in pairs:
            found += _pair(a, b)
            advance(1)
    for other in sources[1:]:
        if not any((c.a, c.b) == (sources[0].name, other.name) for c in found):
            raise UsageError(
                f"{sources[0].path} and {other.path} have no result of the same format, precision and threads "
                "(and backbone, where a file has several): nothing can be compared"
            )
    outcome = Outcome(sources, _adjusted(found), tolerances or Tolerances(), tuple(_unmatched(sources)))
    _refuse_unjudged(outcome)
    return outcome


def _refuse_unjudged(outcome: Outcome) -> None:
    """A tolerance that was asked for must not pass because there was nothing to hold it against."""
    for metric in ("sensitivity", "specificity"):
        lacking = [c for c in outcome.with_first if c.difference(metric) is None]
        if outcome.tolerances.of(metric) is not None and lacking:
            raise UsageError(
                f"{lacking[0].b} cannot be held against {lacking[0].a} in {metric}: no image that both were tested on "
                f"can tell it; leave --tolerance-{metric} out"
            )


def _pair(a: Source, b: Source) -> Iterator[Comparison]:
    known: dict[tuple[int, int], Comparison] = {}
    for place in a.entries:
        if place not in b.entries:
            continue
        ours, theirs = a.entries[place], b.entries[place]
        key = (id(ours.answers), id(theirs.answers))
        if None in (ours.answers, theirs.answers) or key not in known:
            known[key] = _compared(a, b, place, ours, theirs)
        yield dataclasses.replace(known[key], place=place, ratios=_ratios(ours, theirs))


def _compared(a: Source, b: Source, place: Place | None, ours: Entry, theirs: Entry) -> Comparison:
    both = None
    if ours.answers is not None and theirs.answers is not None:
        both = common(ours.answers, theirs.answers)
    shared = 0 if both is None else len(both[0].names)
    n = (ours.n, theirs.n)
    if both is None or 2 * shared < min(n):
        differences = separate(ours.figures, theirs.figures)
        return Comparison(a.name, b.name, place, 0, n, shared, None, differences, ())
    groups = both[0].subjects if both[0].subjects is not None else both[1].subjects
    subjects = None if groups is None else len(set(groups))
    if a.labels != b.labels:
        # The most probable of other classes is another question.
        both = (dataclasses.replace(both[0], chosen_right=None), both[1])
    return Comparison(a.name, b.name, place, shared, n, shared, subjects, paired(*both), ())


def _ratios(a: Entry, b: Entry) -> tuple[Ratio, ...]:
    return () if a.result is None or b.result is None else ratios(a.result, b.result)


def _adjusted(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """With Holm's correction in each metric; what is the same for every thread count was tested once."""
    families: dict[str, dict[tuple[object, ...], float]] = {}
    for c in found:
        for d in c.differences:
            if d.p_value is not None:
                families.setdefault(d.metric, {})[c.answers] = d.p_value
    adjusted = {
        metric: dict(zip(tested, holm(list(tested.values())), strict=True))
        for metric, tested in families.items()
    }
    return tuple(
        dataclasses.replace(
            c,
            differences=tuple(
                dataclasses.replace(d, p_adjusted=adjusted.get(d.metric, {}).get(c.answers))
                if d.p_value is not None
                else d
                for d in c.differences
            ),
        )
        for c in found
    )


def _unmatched(sources: Sequence[Source]) -> Iterator[tuple[str, Place]]:
    for source in sources:
        others = [other for other in sources if other is not source]
        for place in source.entries:
            if place is not None and not all(place in other.entries for other in others):
                yield source.name, place
