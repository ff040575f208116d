"""From an image file to a model's input: the only such path in edgeall.

Training caches, INT8 calibration, evaluation, benchmarks and classification all come through here, so a
model never meets pixels that were prepared differently from those it learned on.

Every backbone's published preprocessing is, per channel, an affine map of a byte (x -> scale * x + offset).
So it is recorded as data (`PixelMapping`) and applied as one 256 x 3 look-up table.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from edgeall.errors import ImageError

Source = str | os.PathLike[str] | bytes | BinaryIO
ByteImage = npt.NDArray[np.uint8]

MAX_PIXELS = 100_000_000
"""Larger images are refused: no microscope camera in use needs more, and a small file can claim anything."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
"""Image files that edgeall reads, by lower-case suffix."""

_FORMATS = ("JPEG", "PNG", "BMP", "TIFF")

# EXIF 2.32, tag 0x0112: where the first row and column of the stored picture belong.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
        with Image.open(file, formats=_FORMATS) as image:
            original = image.size
            if original[0] * original[1] > max_pixels:
                raise _too_large(source, f"its {original[0]} x {original[1]} pixels", max_pixels)
            image.draft("RGB", (2 * size, 2 * size))
            image.load()
            return _to_rgb(_upright(image)).resize((size, size), Image.Resampling.BILINEAR), original
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(
            f"{describe(source)}: not an image that edgeall reads ({', '.join(_FORMATS)})"
        ) from None
    except Image.DecompressionBombError:
        raise _too_large(source, "its pixels", max_pixels) from None
    except Exception as error:
        # A damaged file makes Pillow's decoders fail in any way that Python knows: SyntaxError, struct.error, ...
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError(f"{describe(source)}: cannot be read ({why or type(error).__name__})") from None


def _too_large(source: Source, what: str, max_pixels: int) -> ImageError:
    return ImageError(
        f"{describe(source)}: {what} are more than the {max_pixels} that edgeall reads; scale the image down first"
    )


def _upright(image: Image.Image) -> Image.Image:
    """Turned as the camera's EXIF orientation says. Damaged EXIF says nothing, and spoils no picture."""
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _to_eight_bits(image)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Wider grey to 8 bits by the full scale of its type (floats: of 0 to 1), so that exposures stay comparable.

    Values that fit a narrower type's scale are taken to be of that. Pillow's own conversion clips at 255.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    scales = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    peak = values.max(initial=0.0)
    full_scale = next((scale for scale in scales if peak <= scale), scales[-1])
    return Image.fromarray(np.clip(values * (255.0 / full_scale) + 0.5, 0, 255).astype(np.uint8))


def read_pixels(sources: list[Path], size: int) -> ByteImage:
    """Decode several images into one (n, size, size, 3) array; raises at the first that cannot be read."""
    images = np.empty((len(sources), size, size, 3), dtype=np.uint8)
    for index, source in enumerate(sources):
        images[index] = read_image(source, size)
    return images
