"""Image files to RGB bytes."""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import field, replace
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from edgeall.errors import ImageError
from edgeall.pixels import deep_png, jpeg2000
from edgeall.pixels.bounded import Bounded, canvas, least_decoded
from edgeall.pixels.canvas import WHOLE, Turn, bands_of
from edgeall.pixels.colour import MAX_PROFILE_BYTES, conversion, stored_colours
from edgeall.pixels.formats import Format, readable
from edgeall.pixels.mapping import ByteImage, Resize
from edgeall.pixels.opening import Source, describe, read_head
from edgeall.pixels.raster import UNUSED_ALPHA, Raster, to_picture
from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.scale import SampleDepth
from edgeall.values import dataclass

if TYPE_CHECKING:
    from edgeall.pixels.tiff import Directory

MAX_PIXELS = 100_000_000
"""Most pixels of an image. No microscope camera in use has more, and a small file can claim any size."""

_ANIMATED = ("PNG", "WebP", "AVIF")
"""Formats that can hold an animation, which has no single picture."""

_PLUGINS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "BMP": "Bmp",
    "WEBP": "WebP",
    "AVIF": "Avif",
    "JPEG2000": "Jpeg2K",
}
"""Pillow's decoders to the beginnings of their modules' names."""

_ICC_PROFILE = 34675
"""TIFF tag of an ICC profile (ISO 15076-1, annex B.4)."""
_LARGE = Lock()

MAX_SIDE = 65_535
"""Most pixels of a side, as in JPEG. The row table of a higher picture would take more memory than its pixels."""

# EXIF 2.32, tag 0x0112: position of the first row and column of the stored picture.
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
class Picture:
    """A picture resized to a square, and facts about its file.

    Attributes:
        pixels: RGB bytes (size, size, 3).
        size: width and height as the file stores it.
        notes: assumptions about what the file does not state, such as the scale of values or the page; what is ignored.
    """

    pixels: ByteImage = field(repr=False)
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """A whole picture, upright, perhaps reduced.

    Attributes:
        pixels: RGB bytes (height, width, 3).
        size: width and height of the file's picture, upright.
        notes: as those of `Picture`.
    """

    pixels: ByteImage = field(repr=False)
    size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def scale(self) -> tuple[float, float]:
        """The file's pixels for each pixel here, across and down; 1 where it is not reduced."""
        height, width = self.pixels.shape[:2]
        return self.size[0] / width, self.size[1] / height


def read_picture(source: Source, to: Resize | int, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode an image and resize it to RGB bytes of shape (size, size, 3).

    EXIF orientation is applied. Grey, palette, CMYK and deeper values become RGB bytes on the scale by `scale.py`.
    Transparency becomes white, the colour of an empty slide, unless the picture is fully transparent everywhere. A TIFF
    is decoded by its tags; red, green and blue pages become one picture, and of other pages the first is read. Colours
    are converted to sRGB by an ICC profile (`colour.py`). For antialiased filters JPEGs are decoded at the smallest of
    their built-in scales (1/2, 1/4, 1/8) with at least twice the size, which is three times faster and differs by 0.4
    of 255 from a full decode on average.

    Args:
        to: the square and the resizing; a number of pixels stands for `Resize(number)`.

    Raises:
        ImageError: not an image, truncated, of a format or kind that edgeall does not read, over `max_pixels`, or
            with a side over `MAX_SIDE`.
        MemoryError: there is too little memory for it now.
    """
    return _read_source(source, Resize(to) if isinstance(to, int) else to, max_pixels)


def _read_source(source: Source, to: Resize | Bounded, max_pixels: int) -> Picture:
    try:
        format = readable(read_head(source), describe(source))
        with _opened(source) as file:
            return _read(file, format, to, max_pixels)
    except (ImageError, MemoryError):
        # A lack of memory says nothing of the picture.
        raise
    except RefusedImage as refused:
        raise ImageError(f"{describe(source)}: {refused}") from None
    except UnidentifiedImageError:
        raise ImageError(f"{describe(source)}: not an image: damaged at its beginning") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{describe(source)}: {_too_large('its pixels', max_pixels)}") from None
    except Exception as error:
        # Pillow's decoders raise many kinds of errors for damaged files: SyntaxError, struct.error, ...
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError(f"{describe(source)}: cannot be read ({why or type(error).__name__})") from None


def read_image(source: Source, to: Resize | int, max_pixels: int = MAX_PIXELS) -> ByteImage:
    """The pixels of `read_picture`."""
    return read_picture(source, to, max_pixels).pixels


def read_image_with_size(
    source: Source, to: Resize | int, max_pixels: int = MAX_PIXELS
) -> tuple[ByteImage, tuple[int, int]]:
    """The pixels of `read_picture`, and the (width, height) that the file stores."""
    picture = read_picture(source, to, max_pixels)
    return picture.pixels, picture.size


def read_field(source: Source, longest: int, max_pixels: int = MAX_PIXELS) -> Field:
    """Decode an image whole and upright, as `read_picture` does, with a longer side of at most `longest` pixels.

    A larger picture is reduced by a whole number, so that each pixel is the mean of a block. JPEGs are reduced by their
    decoder where it can.

    Raises:
        ImageError: as `read_picture`.
    """
    picture = _read_source(source, Bounded(longest), max_pixels)
    (height, width), stored = picture.pixels.shape[:2], picture.size
    upright = stored if (width >= height) == (stored[0] >= stored[1]) else (stored[1], stored[0])
    return Field(picture.pixels, upright, picture.notes)


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """`source` as a seekable file."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield file
    else:
        try:
            source.seek(0)
            seekable = True
        except (AttributeError, OSError):
            seekable = False
        yield source if seekable else io.BytesIO(source.read())


def _read(file: BinaryIO, format: Format, to: Resize | Bounded, max_pixels: int) -> Picture:
    file.seek(0)
    if format.name == "TIFF":
        return _read_tiff(file, to, max_pixels)
    bits = deep_png.bits_of(file.read(25))
    with _identified(file, str(format.decoder)) as image:
        frames = getattr(image, "n_frames", 1) if format.name in _ANIMATED else 1
        if frames > 1:
            raise RefusedImage(f"an animation of {frames} pictures", "save the one that counts as PNG")
        size = image.size
        _check_size(size, max_pixels)
        profile = image.info.get("icc_profile")
        if format.name == "JPEG 2000":
            profile = jpeg2000.colour_profile(read_head(file, 2 * MAX_PROFILE_BYTES))
        if bits != 16:
            if (least := least_decoded(size, to)) is not None:
                image.draft("RGB", least)
            with _large_ones_in_turn(image.size):
                image.load()
                turn = _turn_of(image)
                return _picture(*_resized(_clear_grey(image, bits), turn, to, profile), size)
        # Only this kind of EXIF data is available without decoding the picture.
        turn = _turn_of(image) if "Raw profile type exif" in image.info else None
    raster = replace(deep_png.raster_of(file, turn, _turn_by_exif), profile=profile)
    return _picture(*to_picture(raster, to), raster.size)


def _large_ones_in_turn(size: tuple[int, int]) -> AbstractContextManager[object]:
    """Lets one thread at a time hold a large picture, which takes four bytes a pixel while Pillow decodes it."""
    return _LARGE if size[0] * size[1] > WHOLE else nullcontext()


def _identified(file: BinaryIO, decoder: str) -> ImageFile.ImageFile:
    """As `Image.open`, which for a file object imports the decoders of five formats."""
    import_module(f"PIL.{_PLUGINS[decoder]}ImagePlugin")
    opened, accepts = Image.OPEN[decoder]
    file.seek(0)
    try:
        if accepts is None or accepts(file.read(16)) is True:
            file.seek(0)
            picture = opened(file, "")
            assert isinstance(picture, ImageFile.ImageFile)
            return picture
    except (SyntaxError, IndexError, TypeError, struct.error):
        pass
    raise UnidentifiedImageError


def _read_tiff(file: BinaryIO, to: Resize | Bounded, max_pixels: int) -> Picture:
    # Imported for TIFF files alone: no small part of what a classification of another picture would load.
    from edgeall.pixels import pages, tiff_picture
    from edgeall.pixels.libtiff_messages import silence
    from edgeall.pixels.tiff import read_directories

    silence()
    directories = read_directories(file)
    chosen = pages.choose(directories)
    page = directories[chosen.indices[0]]
    size = (page.number(256, 0), page.number(257, 0))
    _check_size(size, max_pixels)
    turn, profile = _TURNS.get(page.number(274, 1)), _profile_of(page)
    if tiff_picture.decoded_by_pillow(page):
        tiff_picture.check_for_pillow(page, len(chosen.indices))
        file.seek(0)
        with Image.open(file, formats=("TIFF",)) as image:
            image.seek(chosen.indices[0])
            with _large_ones_in_turn(size):
                image.load()
                # Pillow has already set it upright.
                resized, notes = _resized(image, None, to, profile)
    else:
        raster = tiff_picture.raster_of([directories[index] for index in chosen.indices], chosen.bits, turn)
        resized, notes = to_picture(replace(raster, profile=profile), to)
    return _picture(resized, (*chosen.notes, *notes), size)


def _profile_of(page: "Directory") -> bytes:
    _, length, _ = page.entries.get(_ICC_PROFILE, (0, 0, 0))
    if length > MAX_PROFILE_BYTES:
        return bytes(MAX_PROFILE_BYTES + 1)
    try:
        return page.raw(_ICC_PROFILE)
    except (RefusedImage, ValueError):
        return b"damaged"


def _picture(resized: Image.Image, notes: tuple[str, ...], size: tuple[int, int]) -> Picture:
    return Picture(np.asarray(resized), size, notes)


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise _too_large(f"its {size[0]} x {size[1]} pixels", max_pixels)
    if max(size) > MAX_SIDE:
        raise RefusedImage(f"it has {size[0]} x {size[1]} pixels, a side of more than {MAX_SIDE}", "crop it")


def _turn_of(image: Image.Image) -> Turn:
    """Transposition that sets a picture upright, by its EXIF orientation. Damaged EXIF data is ignored."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:
        return None


def _turn_by_exif(content: bytes) -> Turn:
    exif = Image.Exif()
    try:
        exif.load(content)
        return _TURNS.get(exif.get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:
        return None


def _resized(
    image: Image.Image, turn: Turn, to: Resize | Bounded, profile: bytes | None
) -> tuple[Image.Image, tuple[str, ...]]:
    """The square or bounded picture of one that Pillow has decoded."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return to_picture(replace(_raster(image, turn), profile=profile), to)
    to_srgb = conversion(profile, stored_colours(image.mode))
    notes: tuple[str, ...] = ()
    opaque = image.mode in ("RGBA", "LA") and "transparency" not in image.info
    if opaque and image.getbbox(alpha_only=True) is None:
        notes = (UNUSED_ALPHA,)
    picture = canvas(image.size, turn, to)
    for top, bottom in bands_of(image):
        whole = (top, bottom) == (0, image.height)
        band = image if whole else image.crop((0, top, image.width, bottom))
        picture.add(to_srgb.apply(band) if band.mode == "CMYK" else _to_rgb(band, ignore_alpha=bool(notes)))
    return to_srgb.apply(picture.finished()), (*notes, *to_srgb.notes)


def _clear_grey(image: Image.Image, bits: int) -> Image.Image:
    """A PNG of 1, 2 or 4 bits with its transparent grey scaled to 8 bits. Pillow scales the pixels, but not that."""
    clear = image.info.get("transparency")
    if not 0 < bits < 8 or image.mode not in ("1", "L") or not isinstance(clear, int):
        return image
    grey = image.convert("L")
    grey.info["transparency"] = clear * 255 // (2**bits - 1)
    return grey


def _raster(image: Image.Image, turn: Turn) -> Raster:
    """Grey of more than 8 bits, as Pillow has decoded it."""
    depth = {"I": SampleDepth("signed", 32), "F": SampleDepth("float", 32)}.get(
        image.mode, SampleDepth("unsigned", 16)
    )

    def bands() -> Iterator[Any]:
        for top, bottom in bands_of(image):
            yield np.asarray(image.crop((0, top, image.width, bottom)))[..., None]

    return Raster(image.size, "grey", depth, bands, turn=turn)


def _to_rgb(image: Image.Image, ignore_alpha: bool) -> Image.Image:
    clear = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
    if clear and not ignore_alpha:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image if image.mode == "RGB" else image.convert("RGB")


def _too_large(what: str, max_pixels: int) -> RefusedImage:
    return RefusedImage(
        f"{what} are more than the {max_pixels} that edgeall reads", "scale the image down first"
    )
