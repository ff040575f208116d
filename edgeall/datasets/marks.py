"""Finds marks in a corner, such as scale bars, that differ by class. A model can learn them instead of the cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_CORNER = 4
"""A corner has 1/4 of each side."""

_LEAST_AUC = 0.9
"""Least AUC of one pixel's brightness for a class against the others."""

_LEAST_EXCESS = 0.1
"""Least excess of that AUC over any pixel outside the corners. Backgrounds and stains differ everywhere."""

_LEAST_IMAGES = 10
"""Least images of a class, and of all others together. With fewer a pixel can separate classes by chance."""

CORNERS = ("upper left", "upper right", "lower left", "lower right")


@dataclass(frozen=True)
class CornerMark:
    """A corner that separates a class from the others.

    Attributes:
        corner: one of `CORNERS`.
        label: the class.
        auc: of the corner's best pixel, by its brightness in either direction; 0.5 to 1.
        elsewhere: AUC of the best pixel outside the corners.
    """

    corner: str
    label: str
    auc: float
    elsewhere: float

    def __str__(self) -> str:
        return (
            f"the {self.corner} corner separates class '{self.label}' from the others (AUC {self.auc:.2f} by one "
            f"pixel's brightness, at most {self.elsewhere:.2f} outside the corners): crop or mask any mark there"
        )


def corner_marks(
    thumbnails: Sequence[npt.NDArray[np.float32]], labels: Sequence[str]
) -> tuple[CornerMark, ...]:
    """Corners that differ by class where the rest of the images does not; at most one for each class, the best.

    Args:
        thumbnails: luma of each image, (side, side), 0 to 255.
        labels: class of each image.
    """
    classes = sorted(set(labels))
    if not thumbnails or len(classes) < 2:
        return ()
    ranks = _midranks(np.stack(thumbnails).astype(np.float64))
    of = np.asarray(labels)
    # With two classes, separating one separates the other.
    tested = classes[1:] if len(classes) == 2 else classes
    return tuple(mark for label in tested if (mark := _mark(ranks, of == label, label)) is not None)


def _midranks(stack: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rank of each image among all, pixel by pixel, from 1; equal values share their mean rank."""
    ranks = np.empty_like(stack)
    for place in np.ndindex(stack.shape[1:]):
        values = stack[:, *place]
        ordered = np.sort(values)
        below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
        ranks[:, *place] = (below + upto + 1) / 2
    return ranks


def _mark(ranks: npt.NDArray[np.float64], own: npt.NDArray[np.bool_], label: str) -> CornerMark | None:
    mine, others = int(own.sum()), int((~own).sum())
    if min(mine, others) < _LEAST_IMAGES:
        return None
    # The AUC of every pixel from its sum of ranks: Mann and Whitney, Ann. Math. Stat. 18 (1947).
    auc = (ranks[own].sum(axis=0) - mine * (mine + 1) / 2) / (mine * others)
    separation = np.maximum(auc, 1 - auc)
    depth = separation.shape[0] // _CORNER
    sides = (slice(None, depth), slice(-depth, None))
    outside = separation.copy()
    found = {}
    for name, (rows, columns) in zip(CORNERS, [(r, c) for r in sides for c in sides], strict=True):
        found[name] = float(separation[rows, columns].max())
        outside[rows, columns] = 0.5
    corner = max(found, key=lambda name: found[name])
    elsewhere = float(outside.max())
    if found[corner] < _LEAST_AUC or found[corner] - elsewhere < _LEAST_EXCESS:
        return None
    return CornerMark(corner, label, found[corner], elsewhere)
