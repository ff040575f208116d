"""What an explanation is: a map of evidence, and the check that it has passed or not."""

from dataclasses import field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.values import dataclass

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Where a map lies in the model's square: rows and columns of equal tiles.

    Attributes:
        left, top: of the first tile, in pixels of the square.
        step: side of a tile, in pixels of the square.
        size: side of the square, in pixels.
    """

    left: float
    top: float
    step: float
    rows: int
    columns: int
    size: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: rows, columns, and left, top, right, bottom as shares of the model's square, in [0, 1]."""
        right, bottom = self.left + self.columns * self.step, self.top + self.rows * self.step
        return {
            "rows": self.rows,
            "columns": self.columns,
            "left": self.left / self.size,
            "top": self.top / self.size,
            "right": min(1.0, right / self.size),
            "bottom": min(1.0, bottom / self.size),
        }


@dataclass(frozen=True)
class Faithfulness:
    """How far the model's log-odds move when parts of the picture are removed. All are absolute values.

    Attributes:
        marked: when the tenth is removed that the map marks as most important.
        random: mean over random tenths of patches.
        largest_random: the largest of these.
        draws: number of random tenths.
    """

    marked: float
    random: float
    largest_random: float
    draws: int

    @property
    def ratio(self) -> float | None:
        """`marked` over `random`; None where no random tenth moves the log-odds."""
        return self.marked / self.random if self.random > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: marked, random, largest_random, draws, ratio."""
        return {
            "marked": self.marked,
            "random": self.random,
            "largest_random": self.largest_random,
            "draws": self.draws,
            "ratio": self.ratio,
        }


@dataclass(frozen=True)
class Explanation:
    """A map of the evidence for and against a positive label, measured through the deployed model itself.

    Attributes:
        grid: of the map's tiles.
        values: float64 (rows, columns), log-odds. How much the log-odds of a positive label fall, on average, when a
            patch of 2 x 2 tiles that covers the tile is replaced by its blurred surroundings. Positive values speak
            for a positive label, negative ones against it. NaN outside the cell.
        faithfulness: see `Faithfulness`.
        against: why the map is not an explanation, a line each; empty where it is one.
        inferences: of the model, for the map and its check.
        ms: time for them, in milliseconds.
    """

    grid: Grid
    values: Values = field(repr=False)
    faithfulness: Faithfulness
    against: tuple[str, ...]
    inferences: int
    ms: float

    @property
    def holds(self) -> bool:
        """Whether the map is an explanation."""
        return not self.against

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: explanation, against, grid, values (null outside the cell), faithfulness, inferences, ms."""
        return {
            "explanation": self.holds,
            "against": list(self.against),
            "grid": self.grid.to_dict(),
            "values": [
                [None if np.isnan(value) else round(float(value), 4) for value in row] for row in self.values
            ],
            "faithfulness": self.faithfulness.to_dict(),
            "inferences": self.inferences,
            "ms": round(self.ms, 3),
        }
