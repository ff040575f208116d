"""Describes the images that a model is made for, and finds how far a picture of somebody else may differ from them."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from edgeall.artifact.domain import Domain, Quantiles
from edgeall.domain.figures import NAMES, POSSIBLE, figures
from edgeall.pixels import Picture
from edgeall.values import dataclass

FEWEST = 20
"""Fewer images than this have no domain: their ranges say nothing of others."""

_FEWEST_PEOPLE = 3
"""With fewer subjects, blocks of images are left out instead of people."""

_BLOCK = 5
"""Least images of a block, and most blocks: at least this many, and at most ten."""

_TAIL = 1.0
"""Percent of the described images on each side that have no say in the range of a figure: strays among them."""

_TAKEN = 98.0
"""Percent of a left-out person's images that limits must take."""

_PEOPLE_TAKEN = 0.95
"""Share of the people for whom that must hold: of up to 20, all."""

WIDEST = 3.0
"""Most that limits are stretched beyond the range of the described images. Where people differ more than that, some
are refused, and `Domain.refused` says how many."""

_LEAST_SPREAD = {"black": 0.02, "edge": 0.02, "bright": 0.03}
_LEAST_SPREAD_OF_OTHERS = 0.05
"""Least distance of a limit from the middle, in units of the figure, before it is stretched: sets of equal images have
no width of their own."""

_ON_BLACK_SHARE, _BLACK_EDGE = 0.2, 0.1
"""Least black share, and greatest brightness of the edge, of the median image of a set of cells on black."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """An image that a model was trained or chosen on, resized to the model's square.

    Attributes:
        subject: the person it is of; None where that is not known.
        label: its class.
    """

    picture: Picture
    label: str
    subject: str | None = None


@dataclass(frozen=True)
class _Ranges:
    """Middle of each figure, and its distances from the low and the high end of its range."""

    middle: Floats
    below: Floats
    above: Floats

    def distances(self, table: Floats) -> Floats:
        """How far each image (row) is from the middle, as a multiple of the range: that of its farthest figure."""
        away = np.where(
            table < self.middle, (self.middle - table) / self.below, (table - self.middle) / self.above
        )
        return np.asarray(away.max(axis=1))


@dataclass(frozen=True)
class Measured:
    """What is kept of an example: figures (1 + shifts, figures) of the image and of mild shifts of it."""

    table: Floats
    side: int
    size: tuple[int, int]
    label: str
    subject: str | None


def describe(examples: Iterable[Example]) -> Domain | None:
    """The domain of a model that was trained and chosen on `examples`; None for fewer than `FEWEST` of them.

    The range of a figure is that of the examples and of mild shifts of them (`edgeall.shifts.mild.FOR_DOMAIN`), without
    the outermost percent on either side. The limits are the ranges, stretched about their middles by one factor for all
    figures. It is the least by which the ranges of all other people take 98 % of the images, and of mild shifts of
    them, of each person; of 95 % of the people where there are more than 20; and 98 % of all left-out images. Without
    known subjects a block of images is left out at a time, in their order, which keeps neighbours together. Nothing
    else than the examples has a say.

    Args:
        examples: training and validation images of one size, in the order of their names.
    """
    return describe_measured([measure(example) for example in examples])


def measure(example: Example) -> Measured:
    """The figures of an example, and of mild shifts of it."""
    # Not needed in the field, and not loaded there.
    from edgeall.shifts.mild import FOR_DOMAIN

    pixels = example.picture.pixels
    shifted = (pixels, *(shift(pixels) for shift in FOR_DOMAIN.values()))
    table = np.array([[found[name] for name in NAMES] for found in map(figures, shifted)])
    return Measured(table, pixels.shape[0], example.picture.size, example.label, example.subject)


def describe_measured(kept: Sequence[Measured]) -> Domain | None:
    """`describe`, of examples that are measured already."""
    if len(kept) < FEWEST:
        return None
    table = np.array([each.table for each in kept])
    subjects = [each.subject for each in kept]
    by_person = None not in subjects and len(set(subjects)) >= _FEWEST_PEOPLE
    groups = _numbered(subjects) if by_person else _blocks([each.label for each in kept])
    stretch, refused = _stretch(table, groups)
    ranges = _ranges(_rows(table))
    ends = np.array([POSSIBLE.get(name, (-np.inf, np.inf)) for name in NAMES])
    low = np.maximum(ends[:, 0], ranges.middle - stretch * ranges.below)
    high = np.minimum(ends[:, 1], ranges.middle + stretch * ranges.above)
    middle = dict(zip(NAMES, np.median(table[:, 0], axis=0).tolist(), strict=True))
    sizes = np.array([each.size for each in kept])
    return Domain(
        images=len(kept),
        side=kept[0].side,
        on_black=middle["black"] >= _ON_BLACK_SHARE and middle["edge"] <= _BLACK_EDGE,
        widths=_quantiles(sizes[:, 0]),
        heights=_quantiles(sizes[:, 1]),
        refused=round(refused, 4),
        people=len(set(subjects)) if by_person else None,
        limits={
            name: (round(float(least), 4), round(float(most), 4))
            for name, least, most in zip(NAMES, low, high, strict=True)
        },
    )


def _rows(table: Floats) -> Floats:
    """(images, shifts, figures) as (images * shifts, figures)."""
    return table.reshape(-1, table.shape[-1])


def _ranges(rows: Floats) -> _Ranges:
    low, middle, high = np.percentile(rows, [_TAIL, 50.0, 100.0 - _TAIL], axis=0)
    least = np.array([_LEAST_SPREAD.get(name, _LEAST_SPREAD_OF_OTHERS) for name in NAMES])
    return _Ranges(middle, np.maximum(middle - low, least), np.maximum(high - middle, least))


def _stretch(table: Floats, groups: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The factor by which ranges become limits, and the share of left-out images beyond such limits."""
    needed, everything = [], []
    for group in np.unique(groups):
        away = _ranges(_rows(table[groups != group])).distances(_rows(table[groups == group]))
        needed.append(float(np.percentile(away, _TAKEN)))
        everything.append(away)
    away = np.concatenate(everything)
    of_people = float(np.quantile(needed, _PEOPLE_TAKEN, method="higher"))
    stretch = min(WIDEST, max(1.0, of_people, float(np.percentile(away, _TAKEN))))
    return stretch, float((away > stretch).mean())


def _numbered(subjects: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """The number of each image's subject."""
    number = {subject: index for index, subject in enumerate(dict.fromkeys(subjects))}
    return np.array([number[subject] for subject in subjects])


def _blocks(labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """The block of each image: consecutive images of a label, an equal part of each label a block."""
    number = min(10, max(_BLOCK, len(labels) // _BLOCK))
    block = np.zeros(len(labels), np.int64)
    for label in set(labels):
        mine = np.flatnonzero(np.array(labels) == label)
        block[mine] = np.arange(len(mine)) * number // len(mine)
    return block


def _quantiles(lengths: npt.NDArray[np.int64]) -> Quantiles:
    low, middle, high = (int(value) for value in np.percentile(lengths, [5, 50, 95], method="nearest"))
    return low, middle, high
