"""From an image file to a model's input: the only such path in edgeall.

Training caches, INT8 calibration, evaluation, benchmarks and classification all come through here, so a
model never meets pixels that were prepared differently from those it learned on.

Every backbone's published preprocessing is, per channel, an affine map of a byte (x -> scale * x + offset).
So it is recorded as data (`PixelMapping`) and applied as one 256 x 3 look-up table.
"""

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from edgeall.errors import ImageError

Source = str | os.PathLike[str] | bytes | BinaryIO
ByteImage = npt.NDArray[np.uint8]

MAX_PIXELS = 100_000_000
"""Larger images are refused: no microscope camera in use needs more, and a small file can claim anything."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
"""Image files that edgeall reads, by lower-case suffix."""

_FORMATS = ("JPEG", "PNG", "BMP", "TIFF")


@dataclass(frozen=True)
class PixelMapping:
    """How an RGB byte image becomes a model's input.

    Attributes:
        size: height and width of the input, in pixels.
        channel_order: "RGB", or "BGR" for models trained on OpenCV/Caffe's order. `scale` and `offset`
            are in this order.
        scale: factor a channel.
        offset: addend a channel, after the factor.
    """

    size: int
    channel_order: Literal["RGB", "BGR"]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]

    def table(self) -> npt.NDArray[np.float32]:
        """The map as a (256, 3) float32 table, computed in float64; columns in `channel_order`."""
        return np.asarray(self._exact(), dtype=np.float32)

    def quantized_table(self, scale: float, zero_point: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """The map into an integer tensor's own units: round(x / scale) + zero_point, saturated."""
        limits = np.iinfo(np.dtype(dtype))
        steps = np.rint(self._exact() / scale) + zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), dtype=dtype)

    def _exact(self) -> npt.NDArray[np.float64]:
        byte = np.arange(256, dtype=np.float64)[:, None]
        table: npt.NDArray[np.float64] = byte * np.asarray(self.scale) + np.asarray(self.offset)
        return table

    def apply(self, images: ByteImage, table: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Map RGB bytes (..., 3) to model input of the same shape, in `channel_order`.

        `table` defaults to the float32 one; pass `quantized_table(...)` for integer inputs.
        """
        lookup = self.table() if table is None else table
        source = (0, 1, 2) if self.channel_order == "RGB" else (2, 1, 0)
        result = np.empty(images.shape, dtype=lookup.dtype)
        for channel, taken in enumerate(source):
            # `take` with mode="wrap" skips the bounds check that a byte cannot fail.
            np.take(lookup[:, channel], images[..., taken], out=result[..., channel], mode="wrap")
        return result


def read_image(source: Source, size: int, max_pixels: int = MAX_PIXELS) -> ByteImage:
    """Decode an image and resize it to `size` x `size` RGB bytes, shape (size, size, 3).

    EXIF orientation is applied; grey, palette, CMYK and 16-bit images become RGB; transparency is laid on
    white, the colour of an empty slide. JPEGs are decoded at the smallest of their built-in scales (1/2, 1/4,
    1/8) that still leaves twice `size`, three times faster and 0.4 of 255 from a full decode on average;
    then an antialiased bilinear filter stretches the picture to the square.

    Raises:
        ImageError: not an image, truncated, of a format edgeall does not read, or over `max_pixels`.
    """
    return np.asarray(_decode(source, size, max_pixels)[0])


def read_image_with_size(
    source: Source, size: int, max_pixels: int = MAX_PIXELS
) -> tuple[ByteImage, tuple[int, int]]:
    """As `read_image`, and the (width, height) that the file itself has."""
    image, original = _decode(source, size, max_pixels)
    return np.asarray(image), original


def describe(source: Source) -> str:
    """A name for `source` in messages."""
    if isinstance(source, bytes):
        return "the image"
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "the image"))


def _decode(source: Source, size: int, max_pixels: int) -> tuple[Image.Image, tuple[int, int]]:
    file: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images before it refuses them; `max_pixels` below is our own, sooner, refusal.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as image:
                original = image.size
                if original[0] * original[1] > max_pixels:
                    raise ImageError(
                        f"{describe(source)}: {original[0]} x {original[1]} pixels are more than the "
                        f"{max_pixels} that edgeall reads; scale the image down first"
                    )
                image.draft("RGB", (2 * size, 2 * size))
                image.load()
                upright = ImageOps.exif_transpose(image)
                return _to_rgb(upright).resize((size, size), Image.Resampling.BILINEAR), original
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{describe(source)}: no such file") from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{describe(source)}: not an image that edgeall reads ({', '.join(_FORMATS)})"
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, MemoryError) as error:
        raise ImageError(f"{describe(source)}: cannot be decoded ({error})") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _to_eight_bits(image)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit (or wider) grey to 8 by its full scale, so that one camera's exposures stay comparable.

    Pillow's own conversion clips everything over 255 to white.
    """
    values = np.asarray(image, dtype=np.float64)
    full_scale = 255.0 if values.max(initial=0.0) <= 255.0 else 65535.0
    return Image.fromarray(np.clip(values * (255.0 / full_scale) + 0.5, 0, 255).astype(np.uint8))


def read_pixels(sources: list[Path], size: int) -> ByteImage:
    """Decode several images into one (n, size, size, 3) array; raises at the first that cannot be read."""
    images = np.empty((len(sources), size, size, 3), dtype=np.uint8)
    for index, source in enumerate(sources):
        images[index] = read_image(source, size)
    return images
