"""Synthetic blood cells as maps of stain, with one function for each kind of cell.

Lengths are in units of a red cell's radius (about 3.7 micrometres), as in a haematology atlas. Every map is float32
with 0 for no stain. There are three maps, because each stain has its own colour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Map = npt.NDArray[np.float32]
Rng = np.random.Generator

EOSIN, NUCLEAR, BASIC = range(3)
"""Stains: eosin (haemoglobin, pink), azure on chromatin (purple), azure on cytoplasm (pale blue)."""


@dataclass(frozen=True)
class Pen:
    """Drawing parameters shared by the cells of one image.

    Attributes:
        unit: radius of a red cell, in pixels.
        fine, coarse: zero-mean textures, float32 squares, of chromatin's grain and of its clumps.
        pallor: paleness of red cells at their centre, 0 to 1.
    """

    unit: float
    fine: Map
    coarse: Map
    pallor: float

    @classmethod
    def pick(cls, unit: float, rng: Rng) -> "Pen":
        """Random textures for cells of `unit` pixels, and a random pallor."""
        side = int(8 * unit) + 8
        return cls(
            unit, _texture(side, 0.09 * unit, rng), _texture(side, 0.3 * unit, rng), rng.uniform(0.3, 0.75)
        )


def _texture(side: int, grain: float, rng: Rng) -> Map:
    noise = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
    blurred = np.asarray(noise.filter(ImageFilter.GaussianBlur(grain)), dtype=np.float32)
    centred: Map = (blurred - blurred.mean()) / max(float(blurred.std()), 1e-6)
    return np.clip(centred, -2.5, 2.5)


class Patch:
    """A square of the image around one cell; `reach` units in each direction."""

    def __init__(self, pen: Pen, reach: float, rng: Rng) -> None:
        self.pen, self.rng = pen, rng
        half = int(np.ceil(reach * pen.unit)) + 2
        axis = np.arange(-half, half + 1, dtype=np.float32) / np.float32(pen.unit)
        # An offset of up to half a pixel, so that equal cells are sampled differently.
        dx, dy = rng.uniform(-0.5, 0.5, 2) / pen.unit
        self.x, self.y = np.meshgrid(axis - np.float32(dx), axis - np.float32(dy))
        self.stains: Map = np.zeros((3, *self.x.shape), dtype=np.float32)

    def blob(
        self,
        radius: float,
        *,
        rough: float = 0.0,
        waves: int = 6,
        at: tuple[float, float] = (0.0, 0.0),
        stretch: float = 1.0,
        turn: float = 0.0,
        soft: float = 0.06,
    ) -> tuple[Map, Map]:
        """A closed shape: its coverage (0 to 1, soft at the edge) and the distance from its centre (1 at the edge).

        The outline is `radius` * (1 + a sum of cosines of the angle), with amplitude `rough` / k for the k-th.
        """
        x, y = self.x - np.float32(at[0]), self.y - np.float32(at[1])
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        across, along = (x * cos + y * sin) / np.float32(stretch), (y * cos - x * sin) * np.float32(stretch)
        distance = np.hypot(across, along)
        edge = np.full_like(distance, radius)
        if rough:
            angle = np.arctan2(along, across)
            for k in range(2, waves + 1):
                amplitude, phase = self.rng.normal(0.0, rough / k), self.rng.uniform(0.0, 2 * np.pi)
                edge += np.float32(radius * amplitude) * np.cos(np.float32(k) * angle + np.float32(phase))
        softness = max(soft, 0.7 / self.pen.unit)
        coverage = np.clip((edge - distance) / np.float32(softness) + np.float32(0.5), 0.0, 1.0)
        return coverage, distance / edge

    def grain(self, texture: Map) -> Map:
        """A random crop of a texture, of the patch's size."""
        side = self.x.shape[0]
        top, left = self.rng.integers(0, texture.shape[0] - side + 1, 2)
        return texture[top : top + side, left : left + side]


Draw = Callable[[Pen, Rng], Map]


def red_cell(pen: Pen, rng: Rng) -> Map:
    """A biconcave disc: paler in the middle, sometimes oval, rarely a target."""
    patch = Patch(pen, 1.5, rng)
    cover, depth = patch.blob(
        rng.normal(1.0, 0.06),
        rough=0.05,
        waves=4,
        stretch=rng.normal(1.0, 0.05),
        turn=rng.uniform(0, np.pi),
        soft=0.1,
    )
    dip = pen.pallor * rng.uniform(0.7, 1.1)
    profile = (
        1.0 - dip * np.exp(-((depth / np.float32(0.5)) ** 2)) + 0.12 * np.exp(-(((depth - 0.85) / 0.12) ** 2))
    )
    if rng.random() < 0.02:
        profile += 0.5 * np.exp(-((depth / np.float32(0.2)) ** 2))
    patch.stains[EOSIN] = cover * profile * np.float32(rng.normal(1.0, 0.08))
    return patch.stains


def platelet(pen: Pen, rng: Rng) -> Map:
    """A small granular fragment."""
    patch = Patch(pen, 0.7, rng)
    cover, _ = patch.blob(rng.uniform(0.2, 0.36), rough=0.25, stretch=rng.uniform(0.9, 1.2), soft=0.12)
    patch.stains[NUCLEAR] = cover * np.clip(0.32 + 0.12 * patch.grain(pen.fine), 0.0, None)
    patch.stains[BASIC] = cover * np.float32(0.3)
    return patch.stains


def neutrophil(pen: Pen, rng: Rng) -> Map:
    """Two to five dense lobes on an arc with thin bridges, in a wide, finely granular, pink cytoplasm."""
    patch = Patch(pen, 2.4, rng)
    radius = rng.uniform(1.6, 1.95)
    cover, _ = patch.blob(radius, rough=0.06, stretch=rng.normal(1.0, 0.04))
    lobes = int(rng.integers(2, 6))
    start, direction = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
    angles = start + direction * np.arange(lobes) * rng.uniform(0.95, 1.35)
    ring = radius * rng.uniform(0.42, 0.52)
    places = [
        (ring * np.cos(a) * rng.uniform(0.8, 1.1), ring * np.sin(a) * rng.uniform(0.8, 1.1)) for a in angles
    ]
    nucleus = np.zeros_like(cover)
    size = 0.62 * radius / lobes**0.35
    for (x, y), angle in zip(places, angles, strict=True):
        lobe, _ = patch.blob(
            size * rng.uniform(0.75, 1.0), rough=0.12, at=(x, y), stretch=rng.uniform(0.75, 0.95), turn=angle
        )
        nucleus = np.maximum(nucleus, lobe)
    for (x0, y0), (x1, y1) in pairwise(places):
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-3)
        bridge, _ = patch.blob(
            length / 2 * 0.35,
            at=((x0 + x1) / 2, (y0 + y1) / 2),
            stretch=1.7,
            turn=float(np.arctan2(y1 - y0, x1 - x0)),
        )
        nucleus = np.maximum(nucleus, bridge)
    nucleus = np.minimum(nucleus, cover)
    patch.stains[NUCLEAR] = nucleus * np.clip(1.12 + 0.16 * patch.grain(pen.coarse), 0.5, None)
    bare = cover * (1.0 - nucleus)
    patch.stains[EOSIN] = bare * np.clip(0.3 + 0.12 * patch.grain(pen.fine), 0.0, None)
    patch.stains[BASIC] = bare * np.float32(0.15)
    return patch.stains


def lymphocyte(pen: Pen, rng: Rng) -> Map:
    """A small mature cell: smooth, round, dense nucleus with clumped chromatin, and a thin pale rim."""
    return _round_cell(
        pen, rng, radius=rng.uniform(1.15, 1.4), ratio=rng.uniform(0.82, 0.9), rough=0.04, density=1.12
    )


def reactive_lymphocyte(pen: Pen, rng: Rng) -> Map:
    """Large like a blast, but with abundant pale cytoplasm around a smooth, clumped nucleus."""
    return _round_cell(
        pen, rng, radius=rng.uniform(1.7, 2.1), ratio=rng.uniform(0.58, 0.68), rough=0.1, density=1.0
    )


def _round_cell(pen: Pen, rng: Rng, *, radius: float, ratio: float, rough: float, density: float) -> Map:
    patch = Patch(pen, radius * 1.35, rng)
    cover, _ = patch.blob(radius, rough=0.06 + rough / 2)
    off = rng.normal(0.0, (1 - ratio) * radius * 0.3, 2)
    nucleus, depth = patch.blob(
        radius * ratio, rough=rough, waves=4, at=(off[0], off[1]), stretch=rng.normal(1.0, 0.04)
    )
    nucleus = np.minimum(nucleus, cover)
    clumps = density + 0.2 * patch.grain(pen.coarse) + 0.08 * depth
    patch.stains[NUCLEAR] = nucleus * np.clip(clumps, 0.5, None)
    patch.stains[BASIC] = cover * (1.0 - nucleus) * np.clip(0.75 + 0.1 * patch.grain(pen.fine), 0.0, None)
    return patch.stains


def monocyte(pen: Pen, rng: Rng) -> Map:
    """A large grey-blue cell with a kidney-shaped nucleus and loose chromatin."""
    patch = Patch(pen, 2.8, rng)
    radius, turn = rng.uniform(1.8, 2.15), rng.uniform(0, 2 * np.pi)
    cover, _ = patch.blob(radius, rough=0.14)
    nucleus, _ = patch.blob(radius * 0.66, rough=0.08, stretch=0.86, turn=turn)
    bite, _ = patch.blob(
        radius * 0.38, at=(radius * 0.6 * np.cos(turn), radius * 0.6 * np.sin(turn)), rough=0.1, soft=0.15
    )
    nucleus = np.minimum(nucleus * (1.0 - bite), cover)
    patch.stains[NUCLEAR] = nucleus * np.clip(0.86 + 0.16 * patch.grain(pen.coarse), 0.3, None)
    patch.stains[BASIC] = cover * (1.0 - nucleus) * np.clip(0.8 + 0.16 * patch.grain(pen.fine), 0.0, None)
    return patch.stains


def blast(pen: Pen, rng: Rng) -> Map:
    """A lymphoblast: large, hardly any cytoplasm, irregular or cleft nucleus, fine open chromatin, nucleoli."""
    radius = rng.uniform(1.4, 2.1)
    patch = Patch(pen, radius * 1.4, rng)
    cover, _ = patch.blob(radius, rough=0.12)
    ratio = rng.uniform(0.84, 0.94)
    nucleus, _ = patch.blob(radius * ratio, rough=0.2, waves=7, stretch=rng.normal(1.0, 0.06))
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        away = radius * rng.uniform(0.9, 1.05)
        cleft, _ = patch.blob(
            radius * 0.28, at=(away * np.cos(angle), away * np.sin(angle)), stretch=1.7, turn=angle, soft=0.12
        )
        nucleus = nucleus * (1.0 - cleft)
    nucleus = np.minimum(nucleus, cover)
    chromatin = 0.84 + 0.1 * patch.grain(pen.fine) + 0.05 * patch.grain(pen.coarse)
    for _ in range(int(rng.integers(0, 4))):
        angle, away = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.0, 0.5)
        spot, depth = patch.blob(
            radius * rng.uniform(0.13, 0.21),
            at=(away * np.cos(angle), away * np.sin(angle)),
            rough=0.1,
            soft=0.12,
        )
        chromatin = chromatin - 0.38 * spot + 0.1 * np.exp(-(((depth - 1.15) / 0.2) ** 2))
    patch.stains[NUCLEAR] = nucleus * np.clip(chromatin, 0.2, None)
    patch.stains[BASIC] = cover * (1.0 - nucleus) * np.float32(1.15)
    return patch.stains
