"""Three or more in order of accuracy, and which of the differences in that order the data support."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from edgeall.comparing.compare import Comparison, Outcome
from edgeall.comparing.loading import Place
from edgeall.results.differences import SIGNIFICANT, Difference
from edgeall.statistics import Estimate


@dataclass(frozen=True)
class Ranking:
    """By accuracy, highest first; of more than two classes by that of the most probable class, where all have it.

    Attributes:
        place: of benches one with a single thread count, which answers do not depend on.
        order: names with their accuracy, each on its own test images.
        supported: (higher, lower) of the differences that the data support after Holm's correction.
        untested: pairs that were not tested on the same images.
        images, subjects: that every tested pair rests on; None where that differs, or subjects are not known.
    """

    place: Place | None
    metric: str
    order: tuple[tuple[str, Estimate], ...]
    pairs: int
    supported: tuple[tuple[str, str], ...]
    untested: int
    images: int | None
    subjects: int | None

    @property
    def needed(self) -> int:
        """The fewest images (subjects, where known) that may tell the first two of all apart.

        After Holm the smallest of m p-values is held against 0.05 / m; k images that one of two alone has right, and
        none the other alone, have p = 2 / 2^k in McNemar's test, and so have k subjects in the sign-flip test.
        """
        tested = max(self.pairs - self.untested, 1)
        least = 1
        while 2.0 * 0.5**least >= SIGNIFICANT / tested:
            least += 1
        return least


def rankings(outcome: Outcome) -> tuple[Ranking, ...]:
    """One of runs, one a result of benches; none of two, which make no ranking."""
    if len(outcome.sources) < 3:
        return ()
    families: dict[Place | None, list[Comparison]] = {}
    for c in outcome.comparisons:
        families.setdefault(c.place, []).append(c)
    answered: dict[Place | None, Ranking] = {}
    for place, found in families.items():
        same = None if place is None else dataclasses.replace(place, threads=0)
        if same not in answered and len({name for c in found for name in (c.a, c.b)}) > 2:
            answered[same] = _ranking(outcome, place, found)
    return tuple(answered.values())


def _ranking(outcome: Outcome, place: Place | None, found: Sequence[Comparison]) -> Ranking:
    figures = {s.name: s.entries[place].figures for s in outcome.sources if place in s.entries}
    metric = "class_accuracy" if all("class_accuracy" in own for own in figures.values()) else "accuracy"
    differences = [(c, d) for c in found if (d := c.difference(metric)) is not None]
    tested = [(c, d) for c, d in differences if d.p_value is not None]
    images, subjects = {d.n for _, d in tested}, {c.subjects for c, _ in tested}
    return Ranking(
        place,
        metric,
        tuple(sorted(((name, own[metric]) for name, own in figures.items()), key=lambda one: -one[1].value)),
        len(found),
        tuple(_in_order(c, d) for c, d in differences if d.shown),
        len(found) - len(tested),
        images.pop() if len(images) == len(subjects) == 1 else None,
        subjects.pop() if len(subjects) == 1 else None,
    )


def _in_order(c: Comparison, d: Difference) -> tuple[str, str]:
    return (c.b, c.a) if d.delta.value > 0 else (c.a, c.b)
