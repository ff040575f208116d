"""Synthetic pictures of a blood smear: a whole field, or one white cell, with stain, light, focus and noise.

Only the white cells depend on the class. Stain, light, focus, noise and density of red cells have the same
distributions in both classes. Healthy fields have on average more white cells than leukaemic ones, so that neither the
mean colour nor the amount of purple of a field reveals the class. A picture of one cell has one white cell in both
classes: a blast, or one of the normal cells in their proportions of a field.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from edgeall.datasets import cells
from edgeall.datasets.cells import Draw, Map, Pen, Rng

MIN_SIDE = 96
"""Least side in pixels. Below it a red cell's radius is less than three pixels."""

MIN_CELL_SIDE = 32
"""Least side in pixels of a picture of one cell. Below it a nucleus has fewer than ten pixels across."""

_UNIT = 1 / 30
"""Radius of a red cell as a share of the height at 4:3, close to that in ALL-IDB1."""

_CELL_UNIT = 1 / 7
"""Radius of a red cell as a share of the shorter side of a picture of one cell. The largest white cell fills 3/5."""

_NORMAL: tuple[tuple[Draw, float], ...] = (
    (cells.neutrophil, 0.52),
    (cells.lymphocyte, 0.26),
    (cells.monocyte, 0.1),
    (cells.reactive_lymphocyte, 0.12),
)

# Optical densities of (red, green, blue) at one unit of stain, in the order of cells.EOSIN, NUCLEAR, BASIC.
_STAINS = np.array([[0.17, 0.40, 0.33], [0.82, 1.45, 0.52], [0.36, 0.34, 0.10]])
_GLASS = np.array([232.0, 225.0, 216.0])


@dataclass(frozen=True)
class Smear:
    """A synthetic field, or a picture of one cell.

    Attributes:
        pixels: RGB bytes, (height, width, 3).
        blasts: centres of the blasts, (x, y) in pixels; empty in a healthy picture.
    """

    pixels: npt.NDArray[np.uint8]
    blasts: tuple[tuple[int, int], ...]


def draw_smear(rng: Rng, leukaemia: bool, size: tuple[int, int]) -> Smear:
    """Draw a field of `size` (width, height), each at least `MIN_SIDE`. Equal generator states give equal bytes."""
    unit = math.sqrt(size[0] * size[1] * 0.75) * _UNIT
    pen = Pen.pick(unit, rng)
    kinds = _white_cells(rng, leukaemia)
    places = _scatter_white(rng, len(kinds), size, unit)
    return _drawn(rng, pen, kinds, places, (3, 16), size)


def draw_cell(rng: Rng, leukaemia: bool, size: tuple[int, int]) -> Smear:
    """Draw a picture of `size` (width, height), each at least `MIN_CELL_SIDE`, with one white cell near its middle.

    Equal generator states give equal bytes.
    """
    unit = min(size) * _CELL_UNIT
    pen = Pen.pick(unit, rng)
    kinds = [cells.blast] if leukaemia else _normal(rng, 1)
    x, y = np.array(size) / 2 + rng.uniform(-0.5, 0.5, 2) * unit
    return _drawn(rng, pen, kinds, [(float(x), float(y))], (0, 2), size)


def _drawn(
    rng: Rng,
    pen: Pen,
    kinds: Sequence[Draw],
    places: Sequence[tuple[float, float]],
    platelets: tuple[int, int],
    size: tuple[int, int],
) -> Smear:
    """White cells of `kinds` at `places`, as far as there are places, among red cells and platelets.

    `platelets` is the least number of platelets and one more than the largest.
    """
    width, height = size
    stains: Map = np.zeros((3, height, width), dtype=np.float32)
    for kind, place in zip(kinds, places, strict=False):
        _stamp(stains, kind(pen, rng), place)
    _red_cells(stains, pen, places, rng, size)
    for _ in range(int(rng.integers(*platelets))):
        _stamp(stains, cells.platelet(pen, rng), (rng.uniform(0, width), rng.uniform(0, height)))
    pixels = _photograph(stains, rng, pen.unit)
    blasts = [place for kind, place in zip(kinds, places, strict=False) if kind is cells.blast]
    return Smear(pixels, tuple((round(x), round(y)) for x, y in blasts))


def _white_cells(rng: Rng, leukaemia: bool) -> list[Draw]:
    chosen = _normal(rng, int(rng.integers(0, 4) if leukaemia else rng.integers(4, 13)))
    blasts = int(rng.integers(3, 10)) if leukaemia else 0
    return [cells.blast] * blasts + chosen


def _normal(rng: Rng, count: int) -> list[Draw]:
    """Kinds of `count` normal white cells."""
    kinds, weights = zip(*_NORMAL, strict=True)
    return [kinds[index] for index in rng.choice(len(kinds), count, p=weights)]


def _scatter_white(rng: Rng, count: int, size: tuple[int, int], unit: float) -> list[tuple[float, float]]:
    """Random places at least two large cells' radii apart; fewer than `count` where the field is full."""
    margin = 1.8 * unit
    places: list[tuple[float, float]] = []
    for _ in range(200 * count):
        if len(places) == count:
            break
        x, y = rng.uniform(margin, size[0] - margin), rng.uniform(margin, size[1] - margin)
        if all(math.hypot(x - a, y - b) > 4.0 * unit for a, b in places):
            places.append((x, y))
    return places


def _red_cells(
    stains: Map, pen: Pen, white: Sequence[tuple[float, float]], rng: Rng, size: tuple[int, int]
) -> None:
    """Fill the field with red cells, touching and overlapping as the image's own crowding has it."""
    # A dozen different discs, turned and mirrored, look like as many as are needed, and cost a tenth.
    discs = [cells.red_cell(pen, rng) for _ in range(14)]
    crowding, apart = rng.uniform(0.6, 1.35), rng.uniform(1.35, 2.0) * pen.unit
    count = int(crowding * 0.42 * size[0] * size[1] / (math.pi * pen.unit**2))
    tries = rng.uniform(-pen.unit, np.array(size) + pen.unit, (6 * count, 2))
    taken = np.full((count + len(white), 2), -1e9)
    reach = np.full(count + len(white), apart)
    taken[: len(white)], reach[: len(white)] = np.reshape(white, (-1, 2)), 2.75 * pen.unit
    held = len(white)
    for place in tries:
        if held == len(taken):
            break
        if (((taken[:held] - place) ** 2).sum(axis=1) > reach[:held] ** 2).all():
            taken[held] = place
            held += 1
            disc = np.rot90(discs[int(rng.integers(len(discs)))], int(rng.integers(4)), axes=(1, 2))
            _stamp(stains, disc, (float(place[0]), float(place[1])))


def _stamp(stains: Map, patch: Map, place: tuple[float, float]) -> None:
    """Add a patch centred at `place`, cropped to the image."""
    side = patch.shape[1]
    left, top = round(place[0]) - side // 2, round(place[1]) - side // 2
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, stains.shape[2]), min(top + side, stains.shape[1])
    if x0 < x1 and y0 < y1:
        stains[:, y0:y1, x0:x1] += patch[:, y0 - top : y1 - top, x0 - left : x1 - left]


def _photograph(stains: Map, rng: Rng, unit: float) -> npt.NDArray[np.uint8]:
    """RGB bytes from stains: the Beer-Lambert law for each colour, then lamp, lens and sensor."""
    _, height, width = stains.shape
    strength = np.exp(rng.normal(0.0, (0.16, 0.14, 0.2)))
    densities = _STAINS * strength[:, None] * np.exp(rng.normal(0.0, 0.09, (3, 3)))
    glass = np.clip(_GLASS * rng.uniform(0.86, 1.06) + rng.normal(0.0, 7.0, 3), 120.0, 250.0)
    light = _light(width, height, rng)
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for channel in range(3):
        passed: Map = np.zeros((height, width), dtype=np.float32)
        for density, stain in zip(densities[:, channel].astype(np.float32), stains, strict=True):
            passed -= density * stain
        np.exp(passed, out=passed)
        passed *= light * np.float32(glass[channel])
        pixels[..., channel] = np.clip(passed, 0.0, 255.0)
    blur = unit * rng.uniform(0.01, 0.06)
    focused = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)), dtype=np.float32)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(1.0, 4.0))
    noise += focused
    return np.clip(np.rint(noise, out=noise), 0.0, 255.0).astype(np.uint8)


def _light(width: int, height: int, rng: Rng) -> Map:
    """Brightness factors (height, width), at most about 1.1, of an off-axis lamp and a vignetting lens."""
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    tilt = rng.normal(0.0, 0.035, 2).astype(np.float32)
    centre = rng.normal(0.0, 0.2, 2).astype(np.float32)
    vignette = np.float32(rng.uniform(0.0, 0.14))
    factors: Map = 1.0 + tilt[0] * x + tilt[1] * y - vignette * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2)
    return factors
