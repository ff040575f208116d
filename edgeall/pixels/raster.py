"""Converts stored values of any depth and kind to an RGB square, or to a bounded picture.

Only a canvas of the whole picture is held in memory. The scale of values is guessed from the first band of rows. Where
a later band contradicts it, the remaining bands are only measured, and all bands are read a second time.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels.bounded import Bounded, canvas
from edgeall.pixels.canvas import Turn
from edgeall.pixels.colour import Conversion, Stored, conversion
from edgeall.pixels.mapping import Resize
from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.scale import SampleDepth, Scale, full_scale
from edgeall.values import dataclass

Samples = npt.NDArray[Any]
Colour = Literal["grey", "white is zero", "RGB", "palette", "CMYK", "YCbCr"]

COLOURS: dict[Colour, int] = {
    "grey": 1,
    "white is zero": 1,
    "RGB": 3,
    "palette": 1,
    "CMYK": 4,
    "YCbCr": 3,
}
"""Number of samples of a colour; alpha and others follow them."""

_MODES = {"RGB": "RGB", "CMYK": "CMYK", "YCbCr": "YCbCr"}

UNUSED_ALPHA = "it is fully transparent everywhere, so transparency is ignored"


@dataclass(frozen=True)
class Raster:
    """A picture as its file stores it.

    Attributes:
        size: width and height.
        bands: returns the values (rows, width, samples) from top to bottom; can be called again.
        alpha: index of the opacity sample; None without one.
        associated: colours are already multiplied by opacity (TIFF 6.0, ExtraSamples 1).
        declared: the greatest value that the file declares.
        palette: RGB bytes (entries, 3).
        key: the stored colour that is transparent (PNG's tRNS).
        turn: transposition that sets the stored picture upright.
        profile: ICC profile of the file; None or empty where it has none.
        notes: what of the file is ignored.
    """

    size: tuple[int, int]
    colour: Colour
    depth: SampleDepth
    bands: Callable[[], Iterator[Samples]]
    alpha: int | None = None
    associated: bool = False
    declared: float | None = None
    palette: npt.NDArray[np.uint8] | None = None
    key: tuple[int, ...] | None = None
    turn: Turn = None
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Levels:
    """The stored values of full brightness and of full opacity; None where opacity is ignored."""

    full: float
    opaque: float | None


def to_picture(raster: Raster, to: Resize | Bounded) -> tuple[Image.Image, tuple[str, ...]]:
    """The square or bounded picture, mode RGB, and notes on the scale of values.

    Transparency becomes white. Full transparency everywhere is an unused channel and ignored.

    Raises:
        RefusedImage: the values are on no known scale.
    """
    to_srgb = _to_srgb(raster)
    picture, values = canvas(raster.size, raster.turn, to), _Values(raster)
    guess: _Levels | None = None
    correct = True
    for band in raster.bands():
        values.add(band)
        guess = guess or values.guess()
        correct = correct and values.guess() == guess
        if correct:
            picture.add(_to_rgb(band, raster, guess, to_srgb))
    levels, notes = values.levels()
    if not correct or levels != guess:
        picture = canvas(raster.size, raster.turn, to)
        for band in raster.bands():
            picture.add(_to_rgb(band, raster, levels, to_srgb))
    return to_srgb.apply(picture.finished()), (*notes, *to_srgb.notes)


class _Values:
    """Greatest and least values of the bands so far."""

    def __init__(self, raster: Raster) -> None:
        self._raster = raster
        self._low = self._peak = self._alpha_peak = 0.0
        self._undefined = 0
        certain = raster.depth.certain or raster.colour == "palette"
        self._colours = 0 if certain else COLOURS[raster.colour]

    def add(self, band: Samples) -> None:
        if self._colours:
            values = band[..., : self._colours]
            if self._raster.depth.kind == "float":
                finite = np.isfinite(values)
                self._undefined += int(values.size - np.count_nonzero(finite))
                values = values[finite]
            self._peak = max(self._peak, float(values.max(initial=0)))
            if self._raster.depth.kind != "unsigned":
                self._low = min(self._low, float(values.min(initial=0)))
        if self._raster.alpha is not None:
            self._alpha_peak = max(self._alpha_peak, float(band[..., self._raster.alpha].max(initial=0)))

    def guess(self) -> _Levels:
        """The levels by the bands so far; those of the whole depth where they are on no known scale."""
        try:
            return self.levels()[0]
        except RefusedImage:
            limit = float(self._raster.depth.limit)
            return _Levels(limit, None if self._raster.alpha is None else limit)

    def levels(self) -> tuple[_Levels, tuple[str, ...]]:
        """The levels if the bands so far are the whole picture, and notes.

        Raises:
            RefusedImage: the values are on no known scale.
        """
        raster = self._raster
        certain = Scale(raster.depth.limit)
        scale = full_scale(raster.depth, self._peak, raster.declared) if self._colours else certain
        full = scale.full
        if self._low < -full / 255:
            raise RefusedImage(f"its values begin at {self._low:.6g}, below black")
        notes = [*raster.notes, *([scale.note] if scale.note else [])]
        if self._undefined:
            notes.append(f"{self._undefined} values are not numbers: taken as black")
        if raster.alpha is None:
            return _Levels(full, None), tuple(notes)
        if self._alpha_peak == 0:
            return _Levels(full, None), (*notes, UNUSED_ALPHA)
        return _Levels(full, max(full, full_scale(raster.depth, self._alpha_peak).full)), tuple(notes)


def _to_srgb(raster: Raster) -> Conversion:
    stored: dict[Colour, Stored] = {"grey": "grey", "white is zero": "grey", "CMYK": "CMYK"}
    return conversion(raster.profile, stored.get(raster.colour, "RGB"))


def _to_rgb(band: Samples, raster: Raster, levels: _Levels, to_srgb: Conversion) -> Image.Image:
    values = band[..., : COLOURS[raster.colour]]
    if raster.colour == "palette":
        image = _image("RGB", _looked_up(values[..., 0], raster.palette))
    elif raster.colour in _MODES:
        image = _image(_MODES[raster.colour], _to_bytes(values, raster.depth, levels.full))
    else:
        grey = _to_bytes(values[..., 0], raster.depth, levels.full)
        image = _image("L", 255 - grey if raster.colour == "white is zero" else grey)
    if image.mode == "CMYK":
        image = to_srgb.apply(image)
    elif image.mode != "RGB":
        image = image.convert("RGB")
    if raster.key is not None:
        clear = (values == np.asarray(raster.key, dtype=values.dtype)).all(axis=2)
        image.paste("white", mask=_image("L", clear.view(np.uint8) * np.uint8(255)))
    if raster.alpha is not None and levels.opaque is not None:
        opacity = _to_bytes(band[..., raster.alpha], raster.depth, levels.opaque)
        return _on_white(image, opacity, raster.associated)
    return image


def _looked_up(values: Samples, palette: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8]:
    assert palette is not None
    if int(values.max(initial=0)) >= len(palette):
        raise RefusedImage("its palette has fewer colours than its pixels use")
    found: npt.NDArray[np.uint8] = palette[values]
    return found


def _to_bytes(values: Samples, depth: SampleDepth, full: float) -> npt.NDArray[np.uint8]:
    """Values from 0 to `full` as bytes, rounded and clipped."""
    if depth.kind == "unsigned" and depth.bits <= 16:
        if full == 255:
            return (
                np.asarray(values, np.uint8) if depth.bits <= 8 else np.minimum(values, 255).astype(np.uint8)
            )
        # float32 has 24 bits of precision, enough to round every 16-bit value correctly.
        return np.asarray(
            (np.multiply(values, np.float32(255.0 / full), dtype=np.float32) + np.float32(0.5)).astype(
                np.uint8
            )
        )
    scaled = np.asarray(values, np.float64) * (255.0 / full) + 0.5
    if depth.kind == "float":
        scaled = np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(np.clip(scaled, 0, 255).astype(np.uint8))


def _image(mode: str, values: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.frombytes(mode, (values.shape[1], values.shape[0]), np.ascontiguousarray(values).tobytes())


def _on_white(image: Image.Image, opacity: npt.NDArray[np.uint8], associated: bool) -> Image.Image:
    if associated:
        light = np.asarray(image, np.int16) + (255 - opacity.astype(np.int16))[..., None]
        return _image("RGB", np.minimum(light, 255).astype(np.uint8))
    image.putalpha(_image("L", opacity))
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def palette_of(entries: Sequence[int]) -> npt.NDArray[np.uint8]:
    """RGB bytes (entries, 3) of a TIFF ColorMap: all reds, all greens, all blues, of 16 bits (TIFF 6.0, p. 23).

    A map with no value over 255 was written in bytes. libtiff's own tools read it the same way.
    """
    values = np.asarray(entries[: len(entries) // 3 * 3], np.int64).reshape(3, -1).T
    wide = values.max(initial=0) > 255
    return np.asarray((values >> 8 if wide else values).astype(np.uint8))
