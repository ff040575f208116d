"""Finds the white cells of a smear field."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.cells.cell import Box, Cell
from edgeall.cells.red_cells import red_cell_diameter
from edgeall.cells.regions import (
    Labels,
    Mask,
    Regions,
    closed,
    connected,
    eroded,
    filled,
    grown,
    opened,
)
from edgeall.cells.stain import Stain, otsu, separate
from edgeall.errors import ImageError
from edgeall.pixels.mapping import ByteImage

MOST_CELLS = 500
"""Most cells of a field. More are found in what is no smear field only."""

_WORKING = 24.0
"""Diameter of a red cell, in pixels, at which cells are looked for."""

_LONGEST = 800
"""Most pixels of the long side at which cells are looked for."""

_PORE = 0.1
"""Greatest hole in a nucleus that is not a gap between two, as a share of a red cell's area."""


@dataclass(frozen=True)
class Settings:
    """What is a white cell, in units of a red cell's diameter or the area of its disc.

    Chosen on the even-numbered fields of BCCD, see `benchmarks/results/cells.md`.

    Attributes:
        spread: least nuclear stain of a nucleus, in standard deviations of red cells' above their median.
        contrast: least nuclear stain of a nucleus, in optical densities of red cells in green.
        pale: least nuclear stain of cytoplasm, as a share of a nucleus's.
        gap: widest gap between lobes of a nucleus.
        nucleus: least area of a nucleus; platelets are smaller.
        core, neck: two nuclei that touch are separate cells where a disc of diameter `core` fits into both, and none
            of diameter `neck` through what joins them.
        reach: greatest distance of cytoplasm from the nucleus.
        detail: diameter of the widest detail that is no part of a cell's outline.
        margin: margin of a box round the cell.
        largest: greatest side of a box.
    """

    spread: float = 4.0
    contrast: float = 0.8
    pale: float = 0.16
    gap: float = 0.22
    nucleus: float = 0.45
    core: float = 0.9
    neck: float = 0.6
    reach: float = 0.65
    detail: float = 0.45
    margin: float = 0.08
    largest: float = 6.0


SETTINGS = Settings()


def find_cells(
    field: ByteImage, red_cell: float | None = None, settings: Settings = SETTINGS
) -> tuple[Cell, ...]:
    """The white cells of a smear field, sorted by top and left of their boxes.

    Args:
        field: RGB bytes (H, W, 3).
        red_cell: diameter of a red cell in pixels; measured in the field where it is None.

    Raises:
        ImageError: more than `MOST_CELLS` cells: not a smear field, or `red_cell` is too small.
    """
    diameter = red_cell or red_cell_diameter(field)
    if not diameter:
        return ()
    height, width = field.shape[:2]
    factor = max(1.0, diameter / _WORKING, max(height, width) / _LONGEST)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    image = Image.fromarray(field)
    small = np.asarray(image if size == image.size else image.resize(size, Image.Resampling.BOX))
    stain = separate(small)
    if stain is None:
        return ()
    unit = diameter * size[0] / width
    regions = connected(_cells(stain, unit, settings))
    cells = _kept(regions, unit, settings)
    if len(cells) > MOST_CELLS:
        raise ImageError(
            f"{len(cells)} cells found, more than {MOST_CELLS}: not a smear field, or one of too low a magnification"
        )
    margin = unit * settings.margin
    found = [_cell(regions.labels, index, regions.box[index], margin, (width, height)) for index in cells]
    return tuple(sorted(found, key=lambda cell: (cell.box.top, cell.box.left)))


def _cells(stain: Stain, unit: float, settings: Settings) -> Labels:
    """A label for each cell, with nucleus and cytoplasm."""
    disc = math.pi / 4 * unit * unit
    plain = stain.nuclear[stain.red if stain.red.any() else ~stain.cells]
    middle = float(np.median(plain))
    deviation = 1.4826 * float(np.median(np.abs(plain - middle)))
    cut = max(otsu(stain.nuclear), middle + settings.spread * deviation, settings.contrast * stain.density)
    nuclear = opened(stain.nuclear > cut, 1.0)
    seeds = _nuclei(nuclear, unit, disc, settings)
    pale = opened(stain.nuclear > settings.pale * cut, unit * 0.1) | nuclear
    labels = grown(seeds, pale, round(settings.reach * unit))
    # Cells that touch are separated, so that their outlines are smoothed singly.
    inside = filled((labels > 0) & ~_borders(labels), disc)
    smooth = opened(inside, unit * settings.detail / 2) | (seeds > 0)
    labels = grown(labels, inside, 2)
    return _largest_parts(np.where(smooth, labels, 0), seeds)


def _nuclei(nuclear: Mask, unit: float, disc: float, settings: Settings) -> Labels:
    """A label for each nucleus, with all its lobes."""
    joined = connected(closed(nuclear, unit * settings.gap / 2))
    stained = np.bincount(joined.labels[nuclear], minlength=joined.count + 1)
    large = stained >= settings.nucleus * disc
    large[0] = False
    labels: Labels = np.where(large[joined.labels], joined.labels, 0).astype(np.int32)
    return _split(labels, filled(nuclear, _PORE * disc), unit, settings)


def _split(labels: Labels, nuclear: Mask, unit: float, settings: Settings) -> Labels:
    """Nuclei of touching cells, separated where they are wide on both sides of a narrow neck."""
    # Not by the labels, in which gaps between nuclei are closed.
    solid = nuclear & (labels > 0)
    parts = connected(eroded(solid, unit * settings.neck / 2))
    cores = eroded(solid, unit * settings.core / 2)
    wide = np.bincount(parts.labels[cores], minlength=parts.count + 1) > 0
    wide[0] = False
    owner = np.zeros(parts.count + 1, np.int64)
    owner[parts.labels[parts.labels > 0]] = labels[parts.labels > 0]
    several = np.bincount(owner[wide], minlength=int(labels.max(initial=0)) + 1) > 1
    several[0] = False
    if not several.any():
        return labels
    cut = several[labels]
    seeds = np.where(cut & wide[parts.labels], parts.labels, 0).astype(np.int32)
    offset = int(labels.max()) + 1
    halves = grown(seeds, cut, max(labels.shape))
    return np.where(cut, np.where(halves > 0, halves + offset, 0), labels).astype(np.int32)


def _borders(labels: Labels) -> Mask:
    """Pixels beside one of a greater label."""
    framed = np.pad(labels, 1)
    height, width = labels.shape
    border = np.zeros(labels.shape, bool)
    for down in range(3):
        for across in range(3):
            border |= (framed[down : down + height, across : across + width] > labels) & (labels > 0)
    return border


def _largest_parts(labels: Labels, seeds: Labels) -> Labels:
    """The part of each label that has most of its seed."""
    parts = connected(labels)
    stained = np.bincount(parts.labels[(seeds > 0) & (seeds == labels)], minlength=parts.count + 1)
    owner = np.zeros(parts.count + 1, np.int64)
    owner[parts.labels[parts.labels > 0]] = labels[parts.labels > 0]
    most = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    np.maximum.at(most, owner, stained)
    best = (stained == most[owner]) & (stained > 0)
    return np.where(best[parts.labels], labels, 0).astype(np.int32)


def _kept(regions: Regions, unit: float, settings: Settings) -> list[int]:
    sides = (regions.box[:, 2:] - regions.box[:, :2]).max(axis=1)
    return [index for index in range(1, regions.count + 1) if sides[index] <= settings.largest * unit]


def _cell(
    labels: Labels, index: int, box: npt.NDArray[np.int64], margin: float, size: tuple[int, int]
) -> Cell:
    """The cell in pixels of the field, whose width and height are `size`."""
    (height, width), scale = labels.shape, (size[0] / labels.shape[1], size[1] / labels.shape[0])
    left, top = max(0.0, box[0] - margin), max(0.0, box[1] - margin)
    right, bottom = min(float(width), box[2] + margin), min(float(height), box[3] + margin)
    large = Box(
        math.floor(left * scale[0]),
        math.floor(top * scale[1]),
        min(size[0], math.ceil(right * scale[0])),
        min(size[1], math.ceil(bottom * scale[1])),
    )
    region = (large.left / scale[0], large.top / scale[1], large.right / scale[0], large.bottom / scale[1])
    alone = Image.fromarray((labels == index).astype(np.uint8) * np.uint8(255))
    mask = alone.resize((large.width, large.height), Image.Resampling.BILINEAR, region)
    return Cell(large, np.asarray(mask) >= 128)
