"""Marks burnt into a corner, such as scale bars, that differ by class: a model may learn them instead of the cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_CORNER = 4
"""A corner is this part of each side: 1/4."""

_TELLING = 0.9
"""AUC from which one pixel alone tells a class from the others."""

_MORE = 0.1
"""By how much it must tell more than any pixel outside the corners: backgrounds and stains differ everywhere."""

_LEAST = 10
"""Images a class needs, and all others together: of fewer a pixel may tell by chance."""

CORNERS = ("upper left", "upper right", "lower left", "lower right")


@dataclass(frozen=True)
class CornerMark:
    """A corner that gives a class away.

    Attributes:
        corner: one of `CORNERS`.
        label: the class that it tells from all others.
        auc: of the corner's most telling pixel, by its brightness, whichever way round; 0.5 to 1.
        elsewhere: the same of the most telling pixel outside the corners.
    """

    corner: str
    label: str
    auc: float
    elsewhere: float

    def __str__(self) -> str:
        return (
            f"the {self.corner} corner tells class '{self.label}' from the others (AUC {self.auc:.2f} by one pixel's "
            f"brightness, at most {self.elsewhere:.2f} outside the corners): is a mark burnt in there? Crop or mask it"
        )


def corner_marks(
    thumbnails: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]
) -> tuple[CornerMark, ...]:
    """Corners that differ by class where the rest of the pictures does not; at most one a class, the most telling.

    Args:
        thumbnails: luma of each image, (side, side), 0 to 255.
        labels: class of each image.
    """
    classes = sorted(set(labels))
    if not thumbnails or len(classes) < 2:
        return ()
    ranks = _midranks(np.stack(thumbnails).astype(np.float64))
    of = np.asarray(labels)
    # Of two classes, what tells one tells the other.
    asked = classes[1:] if len(classes) == 2 else classes
    return tuple(mark for label in asked if (mark := _mark(ranks, of == label, label)) is not None)


def _midranks(stack: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rank of each image among all, pixel by pixel, from 1; equal ones share the mean of theirs."""
    ranks = np.empty_like(stack)
    for place in np.ndindex(stack.shape[1:]):
        values = stack[:, *place]
        ordered = np.sort(values)
        below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
        ranks[:, *place] = (below + upto + 1) / 2
    return ranks


def _mark(ranks: npt.NDArray[np.float64], own: npt.NDArray[np.bool_], label: str) -> CornerMark | None:
    mine, others = int(own.sum()), int((~own).sum())
    if min(mine, others) < _LEAST:
        return None
    # Mann and Whitney, Ann. Math. Stat. 18 (1947): the AUC of every pixel from its sum of ranks.
    auc = (ranks[own].sum(axis=0) - mine * (mine + 1) / 2) / (mine * others)
    telling = np.maximum(auc, 1 - auc)
    depth = telling.shape[0] // _CORNER
    sides = (slice(None, depth), slice(-depth, None))
    outside = telling.copy()
    found = {}
    for name, (rows, columns) in zip(CORNERS, [(r, c) for r in sides for c in sides], strict=True):
        found[name] = float(telling[rows, columns].max())
        outside[rows, columns] = 0.5
    corner = max(found, key=lambda name: found[name])
    elsewhere = float(outside.max())
    if found[corner] < _TELLING or found[corner] - elsewhere < _MORE:
        return None
    return CornerMark(corner, label, found[corner], elsewhere)
