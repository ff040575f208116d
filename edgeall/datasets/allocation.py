"""Allocates groups that must stay whole to parts of given sizes, stratified by class."""

import numpy as np
import numpy.typing as npt

from edgeall.errors import DatasetError

Counts = npt.NDArray[np.int64]

_RESTARTS = 100
_EFFORT = 100_000
"""Limit of restarts times pairs of groups: a dozen groups get all restarts, a hundred get ten, thousands get one."""

_SWAPPABLE = 200
"""Most groups that are also swapped in pairs. With more groups each is small, and moves suffice."""

_MISSING = 1e6
"""Cost of a part without a class, above any deviation from target sizes."""


def target_counts(totals: Counts, shares: npt.NDArray[np.float64]) -> Counts:
    """Whole numbers (parts, classes) that add up to `totals` (classes,), nearest to `shares` (parts,) of each.

    Largest remainder method; of equal remainders the earlier part's comes first.
    """
    exact = np.outer(shares / shares.sum(), totals)
    # The tolerance keeps 0.6 * 5 = 2.9999... from becoming 2 and a large remainder.
    whole = np.floor(exact + 1e-9).astype(np.int64)
    for column, total in enumerate(totals):
        remainder = exact[:, column] - whole[:, column]
        for part in np.argsort(-remainder, kind="stable")[: total - whole[:, column].sum()]:
            whole[part, column] += 1
    return whole


def allocate(
    counts: Counts, shares: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """The part of each group, (groups,).

    Minimises the squared deviation from the target counts, with equal weight for each class. Every part must have some
    images of every class. Groups are assigned largest first, each where it reduces the cost most, then moved and
    swapped while that reduces the cost. The best of many seeded orders is taken.

    Args:
        counts: images of each group and class, (groups, classes).
        shares: relative sizes of the parts, (parts,).

    Raises:
        DatasetError: no allocation found in which every part has every class.
    """
    totals = counts.sum(axis=0)
    search = _Search(counts, target_counts(totals, shares), 1.0 / np.maximum(totals, 1))
    best: npt.NDArray[np.intp] | None = None
    best_cost = np.inf
    for _ in range(max(1, min(_RESTARTS, _EFFORT // len(counts) ** 2))):
        parts = search.improve(search.assign(rng), rng)
        cost = search.cost(parts)
        if cost < best_cost - 1e-12:
            best, best_cost = parts, cost
        if best_cost == 0.0:
            break
    if best is None or best_cost >= _MISSING:
        raise DatasetError("no allocation found with every class in every part")
    return best


class _Search:
    """Cost and moves of one allocation problem."""

    def __init__(self, counts: Counts, target: Counts, weight: npt.NDArray[np.float64]) -> None:
        self.counts, self.target, self.weight = counts, target, weight
        self.parts = len(target)

    def assign(self, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Largest group first, equal ones in random order, each to the part where it costs least."""
        order = rng.permutation(len(self.counts))
        order = order[np.argsort(-self.counts[order].sum(axis=1), kind="stable")]
        parts = np.zeros(len(self.counts), dtype=np.intp)
        held = np.zeros_like(self.target)
        for group in order:
            costs = self._costs_of_adding(held, group)
            parts[group] = int(np.argmin(costs))
            held[parts[group]] += self.counts[group]
        return parts

    def improve(self, parts: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Move single groups and swap pairs until neither reduces the cost."""
        held = self._held(parts)
        cost = self._cost_of(held)
        while cost > 0.0:
            before = cost
            for group in rng.permutation(len(parts)):
                own = self.counts[group]
                for part in range(self.parts):
                    shift = self._shifted(held, own, int(parts[group]), part)
                    if (new := self._cost_of(shift)) < cost - 1e-12:
                        parts[group], held, cost = part, shift, new
            if len(parts) <= _SWAPPABLE:
                for a in range(len(parts)):
                    for b in range(a):
                        if parts[a] == parts[b]:
                            continue
                        shift = self._shifted(
                            held, self.counts[a] - self.counts[b], int(parts[a]), int(parts[b])
                        )
                        if (new := self._cost_of(shift)) < cost - 1e-12:
                            parts[a], parts[b] = parts[b], parts[a]
                            held, cost = shift, new
            if cost >= before - 1e-12:
                break
        return parts

    def cost(self, parts: npt.NDArray[np.intp]) -> float:
        return self._cost_of(self._held(parts))

    def _held(self, parts: npt.NDArray[np.intp]) -> Counts:
        held = np.zeros_like(self.target)
        np.add.at(held, parts, self.counts)
        return held

    def _cost_of(self, held: Counts) -> float:
        deviation = (held - self.target) * self.weight
        return float((deviation * deviation).sum() + _MISSING * np.count_nonzero(held == 0))

    def _costs_of_adding(self, held: Counts, group: int) -> npt.NDArray[np.float64]:
        added = held + self.counts[group]
        gain = ((added - self.target) ** 2 - (held - self.target) ** 2) * self.weight**2
        return np.asarray(gain.sum(axis=1))

    @staticmethod
    def _shifted(held: Counts, amount: Counts, source: int, target: int) -> Counts:
        moved = held.copy()
        moved[source] -= amount
        moved[target] += amount
        return moved
