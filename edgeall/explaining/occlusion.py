"""Maps of evidence by occlusion: parts of a picture are replaced one by one, and the model is asked again.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 4.2. Here the
patches are filled with the cell's blur instead of grey.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.explaining.explanation import Grid, Values
from edgeall.explaining.region import Mask, Plane, cell_of, filling
from edgeall.pixels import ByteImage
from edgeall.runtimes import Session

TILES = 4
"""Tiles of the map along the side of a square with a tenth of the cell's area."""

WIDE = 2
"""Side of a patch, in tiles."""

FULL = 0.3
"""Share of a patch that must lie in the cell: less of it would move nothing."""

MOST_PATCHES = 280
"""Most patches. A long, thin or torn cell has more: its tiles are made larger then."""

STEP = 1 / 256
"""Smallest step of a score that is trusted: that of INT8 outputs. Scores are kept half of it away from 0 and 1."""

_AT_ONCE = 16
"""Altered pictures that are held in memory."""

LogOdds: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Patch:
    """A square of pixels that is removed, by its rows and columns (end exclusive)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


class Occluded:
    """A picture of which parts can be removed, and the model that is asked about it. Counts the inferences."""

    def __init__(self, session: Session, decision: Decision, pixels: ByteImage) -> None:
        """
        Args:
            pixels: RGB bytes (size, size, 3), as the model reads them.

        Raises:
            EngineError: the engine failed.
        """
        self._session, self._decision, self._pixels = session, decision, pixels
        self.inferences = 0
        self.cell = cell_of(pixels)
        self.side = float(np.sqrt(0.1 * np.count_nonzero(self.cell)))
        self._filling = filling(pixels, self.cell, self.side)
        self._whole = float(self._log_odds(pixels[None])[0])

    def falls(self, removed: Iterator[Mask]) -> Iterator[float]:
        """How much the log-odds of a positive label fall when pixels of the cell are removed, one mask after another.

        Raises:
            EngineError: the engine failed.
        """
        waiting: list[ByteImage] = []
        for mask in removed:
            waiting.append(np.where((mask & self.cell)[..., None], self._filling, self._pixels))
            if len(waiting) == _AT_ONCE:
                yield from self._whole - self._log_odds(np.stack(waiting))
                waiting.clear()
        if waiting:
            yield from self._whole - self._log_odds(np.stack(waiting))

    def _log_odds(self, images: ByteImage) -> LogOdds:
        self.inferences += len(images)
        scores = self._decision.scores(self._session.predict(images)).clip(STEP / 2, 1 - STEP / 2)
        return np.asarray(np.log(scores / (1 - scores)))


def evidence(occluded: Occluded) -> tuple[Grid, Values]:
    """The map of a picture; see `Explanation.values`.

    Raises:
        EngineError: the engine failed.
    """
    cell = occluded.cell
    grid = _grid(cell, occluded.side / TILES)
    patches = _patches(grid, cell)
    while len(patches) > MOST_PATCHES:
        grid = _grid(cell, grid.step * max(1.1, np.sqrt(len(patches) / MOST_PATCHES)))
        patches = _patches(grid, cell)
    falls = np.array(list(occluded.falls(_masks(patches, cell.shape))))
    areas = np.array([np.count_nonzero(cell[patch.slices]) for patch in patches])
    # As for a patch that lies in the cell as a whole.
    rates = falls * ((WIDE * grid.step) ** 2 / areas)
    return grid, _averaged(grid, cell, patches, rates)


def on_pixels(values: Values, grid: Grid) -> Plane:
    """A map on the pixels of the square (size, size): each has its tile's value; 0 where there is none."""
    down = _tiles(grid.size, grid.top, grid.step, grid.rows)
    across = _tiles(grid.size, grid.left, grid.step, grid.columns)
    return np.asarray(down.T @ np.nan_to_num(values) @ across)


def blended(values: Values, grid: Grid) -> Plane:
    """As `on_pixels`, for drawing: bilinear between the tiles' middles."""
    known = np.isfinite(values)
    down = _weights(grid.size, grid.top, grid.step, grid.rows)
    across = _weights(grid.size, grid.left, grid.step, grid.columns)
    weight = down @ known.astype(np.float64) @ across.T
    total = down @ np.where(known, values, 0.0) @ across.T
    return np.asarray(np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-9))


def _grid(cell: Mask, step: float) -> Grid:
    rows, columns = np.nonzero(cell.any(axis=1))[0], np.nonzero(cell.any(axis=0))[0]
    return Grid(
        float(columns[0]),
        float(rows[0]),
        step,
        max(1, int(np.ceil((rows[-1] + 1 - rows[0]) / step))),
        max(1, int(np.ceil((columns[-1] + 1 - columns[0]) / step))),
        len(cell),
    )


def _patches(grid: Grid, cell: Mask) -> list[Patch]:
    """Squares of `WIDE` tiles, one tile apart, of which enough lies in the cell."""
    found = []
    for row in range(1 - WIDE, grid.rows):
        top, bottom = (_edge(grid.top, grid, place) for place in (row, row + WIDE))
        for column in range(1 - WIDE, grid.columns):
            left, right = (_edge(grid.left, grid, place) for place in (column, column + WIDE))
            patch = Patch(top, bottom, left, right)
            if np.count_nonzero(cell[patch.slices]) >= max(1.0, FULL * (WIDE * grid.step) ** 2):
                found.append(patch)
    return found


def _edge(first: float, grid: Grid, tile: int) -> int:
    return min(max(round(first + tile * grid.step), 0), grid.size)


def _masks(patches: Sequence[Patch], shape: tuple[int, ...]) -> Iterator[Mask]:
    for patch in patches:
        mask = np.zeros(shape, bool)
        mask[patch.slices] = True
        yield mask


def _averaged(grid: Grid, cell: Mask, patches: Sequence[Patch], rates: Values) -> Values:
    """Each tile's mean over the patches that cover it; NaN for tiles outside the cell, or that no patch covers."""
    total, weight = np.zeros(cell.shape), np.zeros(cell.shape)
    for patch, rate in zip(patches, rates, strict=True):
        total[patch.slices] += rate
        weight[patch.slices] += 1
    inside = cell & (weight > 0)
    down = _tiles(grid.size, grid.top, grid.step, grid.rows)
    across = _tiles(grid.size, grid.left, grid.step, grid.columns)
    count = down @ inside.astype(np.float64) @ across.T
    means = down @ np.where(inside, total / np.maximum(weight, 1), 0.0) @ across.T
    return np.asarray(np.divide(means, count, out=np.full_like(means, np.nan), where=count > 0))


def _tiles(size: int, first: float, step: float, count: int) -> Plane:
    """1 where a pixel lies in a tile, (count, size)."""
    edges = np.rint(first + step * np.arange(count + 1))
    places = np.arange(size)
    return np.asarray(((places >= edges[:-1, None]) & (places < edges[1:, None])).astype(np.float64))


def _weights(size: int, first: float, step: float, count: int) -> Plane:
    """Linear interpolation between the middles of tiles, (size, count). Beyond the last middle its value stays."""
    place = ((np.arange(size) + 0.5 - first) / step - 0.5).clip(0, count - 1)
    return np.asarray((1 - np.abs(place[:, None] - np.arange(count))).clip(0))
