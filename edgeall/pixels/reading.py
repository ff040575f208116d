"""Image files to RGB bytes."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from edgeall.errors import ImageError
from edgeall.pixels import jpeg2000
from edgeall.pixels.colour import MAX_PROFILE_BYTES, Converted, to_srgb
from edgeall.pixels.formats import readable
from edgeall.pixels.mapping import ByteImage, Resize
from edgeall.pixels.opening import Source, describe, read_head
from edgeall.pixels.square import resized

MAX_PIXELS = 100_000_000
"""Larger images are refused: no microscope camera in use needs more, and a small file can claim anything."""

_ANIMATED = ("PNG", "WebP", "AVIF")
"""Formats that may hold an animation, of which no frame is the picture."""

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


def read_image(source: Source, to: Resize | int, max_pixels: int = MAX_PIXELS) -> ByteImage:
    """Decode an image and resize it to RGB bytes of shape (size, size, 3).

    EXIF orientation is applied; grey, palette, CMYK and 16-bit images become RGB; an ICC profile is followed to
    sRGB; transparency is laid on white, the colour of an empty slide. For antialiased filters JPEGs are decoded at the
    smallest of their built-in scales (1/2, 1/4, 1/8) that still leaves twice the size, three times faster and 0.4 of
    255 from a full decode on average.

    Args:
        to: the square and how to get there; a number of pixels stands for `Resize(number)`.

    Raises:
        ImageError: not an image, truncated, of a format edgeall does not read, or over `max_pixels`.
    """
    return read_picture(source, to, max_pixels).pixels


def read_image_with_size(
    source: Source, to: Resize | int, max_pixels: int = MAX_PIXELS
) -> tuple[ByteImage, tuple[int, int]]:
    """As `read_image`, and the (width, height) that the file itself has."""
    picture = read_picture(source, to, max_pixels)
    return picture.pixels, picture.size


@dataclass(frozen=True)
class Picture:
    """An image as a model reads it.

    Attributes:
        pixels: uint8 (size, size, 3), sRGB.
        size: (width, height) that the file itself has.
        notes: what of the file was ignored, a sentence each.
    """

    pixels: ByteImage
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def read_picture(source: Source, to: Resize | int, max_pixels: int = MAX_PIXELS) -> Picture:
    """As `read_image`, with what is known of the file besides."""
    converted, original = _decode(source, Resize(to) if isinstance(to, int) else to, max_pixels)
    return Picture(np.asarray(converted.image), original, (converted.note,) if converted.note else ())


def _decode(source: Source, to: Resize, max_pixels: int) -> tuple[Converted, tuple[int, int]]:
    file: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        format = readable(read_head(source), describe(source))
        with Image.open(file, formats=(str(format.decoder),)) as image:
            frames = getattr(image, "n_frames", 1) if format.name in _ANIMATED else 1
            if frames > 1:
                raise ImageError(
                    f"{describe(source)}: an animation of {frames} pictures; save the one that counts as PNG"
                )
            original = image.size
            if original[0] * original[1] > max_pixels:
                raise _too_large(source, f"its {original[0]} x {original[1]} pixels", max_pixels)
            if to.antialiased:
                image.draft("RGB", (2 * to.size, 2 * to.size))
            image.load()
            profile = image.info.get("icc_profile")
            if format.name == "JPEG 2000":
                profile = jpeg2000.colour_profile(read_head(source, 2 * MAX_PROFILE_BYTES))
            return _in_srgb(image, profile, to), original
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{describe(source)}: not an image: damaged at its beginning") from None
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


def _in_srgb(image: Image.Image, profile: bytes | None, to: Resize) -> Converted:
    """The square of a decoded image."""
    stored, upright = image.mode, _upright(image)
    if stored != "CMYK":
        return to_srgb(resized(_to_rgb(upright), to), profile, stored)
    converted = to_srgb(upright, profile, stored)
    return Converted(resized(converted.image, to), converted.note)


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
