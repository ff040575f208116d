"""Whether a map tells what the model's answer rests on: the check by removal, and the rule of when it is passed.

Removal as in Samek et al., "Evaluating the Visualization of What a Deep Neural Network Has Learned" (2017), with
random patches as the comparison. A model of random weights gives a map, too (Adebayo et al., "Sanity Checks for
Saliency Maps", 2018). `benchmarks/results/explain.md` has what the rule takes and refuses.
"""

import math
import zlib
from collections.abc import Iterator

import numpy as np

from edgeall.artifact import TestFigures
from edgeall.explaining.explanation import Faithfulness, Grid, Values
from edgeall.explaining.occlusion import Occluded, on_pixels
from edgeall.explaining.region import Mask, smooth, tenth

DRAWS = 19
"""Random tenths. For a map that says nothing the marked tenth is the one that counts most in one case of twenty."""

RATIO = 2.0
"""Least `Faithfulness.ratio` of an explanation. No random tenth may move the log-odds more than the marked one."""

MOVED = 1.0
"""Least `Faithfulness.marked` of an explanation, in log-odds: the odds change by a factor of e = 2.7."""

_BLOBS = 1 / 3
"""Standard deviation of the smooth noise behind random tenths, as a share of `Occluded.side`."""


def faithfulness(occluded: Occluded, grid: Grid, values: Values) -> Faithfulness:
    """Remove the tenth that a map marks, and random tenths of patches as wide as the map's.

    Raises:
        EngineError: the engine failed.
    """
    parts = [marked(values, grid, occluded.cell), *random_tenths(occluded.cell, occluded.side, DRAWS)]
    moved, *others = (abs(fall) for fall in occluded.falls(iter(parts)))
    return Faithfulness(moved, sum(others) / len(others), max(others), len(others))


def marked(values: Values, grid: Grid, cell: Mask) -> Mask:
    """The tenth of the cell that a map marks as most important: for a positive label or against, whichever is more."""
    pixels = on_pixels(values, grid)
    speaks_for, against = tenth(pixels, cell), tenth(-pixels, cell)
    return speaks_for if pixels[speaks_for].sum() >= -pixels[against].sum() else against


def random_tenths(cell: Mask, side: float, draws: int) -> Iterator[Mask]:
    """Tenths of a cell where smooth noise is highest: patches. The same ones for the same cell."""
    noise = np.random.default_rng(zlib.crc32(np.packbits(cell).tobytes()))
    for _ in range(draws):
        yield tenth(smooth(noise.normal(size=cell.shape), _BLOBS * side), cell)


def doubts(found: Faithfulness, test: TestFigures | None) -> tuple[str, ...]:
    """Why a map is not an explanation, a line each; empty where it is one.

    Args:
        test: of the artifact; None where it has none.
    """
    why = []
    if found.marked < MOVED:
        why.append(
            f"removing the tenth marked most important changes the log-odds by {found.marked:.2f}, less than {MOVED:g}"
        )
    if found.marked < found.largest_random or found.marked < RATIO * found.random:
        why.append(
            f"removing the tenth marked most important changes the log-odds by {found.marked:.2f}, random tenths by "
            f"{found.random:.2f} on average and {found.largest_random:.2f} at most"
        )
    if test is None:
        why.append("the artifact has no test figures that show that the model is better than guessing")
    elif guesses(test):
        why.append("the test images do not show that the model is better than guessing")
    return tuple(why)


def guesses(test: TestFigures) -> bool:
    """Whether sensitivity and specificity may add up to 1, as those of guesses do, at the 2.5 % level (one-sided).

    Images count as independent, which they are not: a model that fails so mild a test has shown nothing.
    """
    shares = [(group.right.value, group.images) for group in (test.positive, test.negative) if group.right]
    if len(shares) < 2:
        return False
    # Two shares with one added success and failure each (Agresti and Caffo, 2000).
    better, variance = -1.0, 0.0
    for share, images in shares:
        rate = (share * images + 1) / (images + 2)
        better += rate
        variance += rate * (1 - rate) / (images + 2)
    return better <= 1.96 * math.sqrt(variance)
