"""Builds a picture from a TIFF page's tags, or refuses it with a reason."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from edgeall.pixels.canvas import Turn
from edgeall.pixels.raster import COLOURS, Colour, Raster, Samples, palette_of
from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.samples import LOSSLESS, SampleLayout, depth_of, layout
from edgeall.pixels.tiff import Directory

# TIFF 6.0, PhotometricInterpretation.
_COLOURS: dict[int, Colour] = {
    0: "white is zero",
    1: "grey",
    2: "RGB",
    3: "palette",
    5: "CMYK",
    6: "YCbCr",
}
_OTHER_COLOURS = {
    4: "a transparency mask",
    8: "CIELab colours",
    9: "ICCLab colours",
    10: "ITULab colours",
    32803: "a camera's raw colour mosaic",
    32844: "LogL values",
    32845: "LogLuv colours",
    34892: "a camera's raw values",
}
_CCITT, _JPEG = (2, 3, 4), 7
_OTHER_COMPRESSIONS = {
    6: "JPEG of the old style",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34676: "SGI LogL",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of raw values",
    34933: "PNG",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_UNSPECIFIED, _ASSOCIATED, _STRAIGHT = 0, 1, 2

_MERGE = "merge its channels into one 8-bit RGB TIFF or PNG"
_UNSAVED = "save it uncompressed, or as 8-bit RGB TIFF or PNG"


def decoded_by_pillow(page: Directory) -> bool:
    """Whether Pillow decodes the page: compressions of whole pixels instead of bytes, CCITT and JPEG."""
    return page.number(259, 1) in (*_CCITT, _JPEG)


def check_for_pillow(page: Directory, joined: int) -> None:
    """Check that Pillow reads the page correctly: CCITT of one bit, or JPEG of 8 bits.

    Raises:
        RefusedImage: it does not.
    """
    colour, samples = _colour(page), page.number(277, 1)
    depth = depth_of(page, samples)
    if joined > 1:
        raise RefusedImage("its channels are JPEG or CCITT pages", _MERGE)
    if page.number(259, 1) in _CCITT:
        allowed = depth.bits == 1 and samples == 1 and colour in ("grey", "white is zero")
    else:
        allowed = (
            depth.bits == 8
            and depth.kind == "unsigned"
            and samples == COLOURS[colour]
            and colour != "palette"
        )
    if not allowed:
        name = "CCITT" if page.number(259, 1) in _CCITT else "JPEG"
        raise RefusedImage(
            f"{name} compression of {depth.bits}-bit {colour} with {samples} samples", _UNSAVED
        )


def raster_of(directories: Sequence[Directory], bits: int | None, turn: Turn) -> Raster:
    """The picture of a page, or of three grey pages that are its red, green and blue.

    Args:
        bits: significant bits a value, where the file has them.

    Raises:
        RefusedImage: not a picture that edgeall reads.
    """
    page = directories[0]
    colour, layouts = _colour(page), [_layout(directory) for directory in directories]
    first, declared = layouts[0], _declared(page, bits)
    size = (first.width, first.height)
    if len(layouts) > 1:
        equal = all(replace(other, directory=page) == first for other in layouts)
        if first.samples != 1 or not equal or {_colour(other) for other in directories} != {"grey"}:
            raise RefusedImage("its channels are pages of different kinds", _MERGE)
        return Raster(size, "RGB", first.depth, partial(_joined, layouts), declared=declared, turn=turn)
    _check(page, colour, first)
    alpha, associated, notes = _extra(page.values(338), colour, first.samples)
    return Raster(
        size,
        colour,
        first.depth,
        first.bands,
        alpha=alpha,
        associated=associated,
        declared=declared,
        palette=palette_of(page.values(320)) if colour == "palette" else None,
        turn=turn,
        notes=notes,
    )


def _joined(layouts: Sequence[SampleLayout]) -> Iterator[Samples]:
    for bands in zip(*(page.bands() for page in layouts), strict=True):
        yield np.concatenate(bands, axis=2)


def _colour(page: Directory) -> Colour:
    values = page.values(262)
    if not values:
        raise RefusedImage("it does not state what its values mean (no PhotometricInterpretation)")
    colour = _COLOURS.get(values[0])
    if colour is None:
        raise RefusedImage(
            f"it holds {_OTHER_COLOURS.get(values[0], f'colours of an unknown kind ({values[0]})')}"
        )
    return colour


def _layout(page: Directory) -> SampleLayout:
    compression = page.number(259, 1)
    if compression not in LOSSLESS:
        name = _OTHER_COMPRESSIONS.get(compression, f"unknown ({compression})")
        raise RefusedImage(f"its compression is {name}", _UNSAVED)
    return layout(page)


def _declared(page: Directory, bits: int | None) -> float | None:
    """The greatest value by MaxSampleValue, SMaxSampleValue, or a count of significant bits."""
    declared = [float(value) for tag in (281, 341) for value in page.values(tag) if value == value]
    if bits is not None and bits <= 32:
        declared.append(2.0**bits - 1)
    return max(declared, default=None)


def _check(page: Directory, colour: Colour, stored: SampleLayout) -> None:
    """Refuses unsupported variants of a colour."""
    depth = stored.depth
    if stored.samples < COLOURS[colour]:
        raise RefusedImage(f"{colour} of {stored.samples} samples a pixel")
    if colour == "palette" and not (depth.kind == "unsigned" and depth.bits <= 8 and page.values(320)):
        raise RefusedImage(f"a palette of {depth.bits}-bit values")
    if colour == "CMYK" and page.number(332, 1) != 1:
        raise RefusedImage("its inks are others than cyan, magenta, yellow and black")
    if colour == "YCbCr":
        if not depth.kind == "unsigned" or depth.bits != 8 or (page.values(530) or (2, 2)) != (1, 1):
            raise RefusedImage(
                "its colours (YCbCr) are stored at a lower resolution than its light, without JPEG"
            )
        if not _is_bt601(page):
            raise RefusedImage("its colours (YCbCr) are on another scale than JPEG's")


def _is_bt601(page: Directory) -> bool:
    """Whether YCbCr is ITU-R BT.601 over the whole range, as in JPEG: the defaults of TIFF 6.0, section 21."""
    weights = _fractions(page.values(529)) or [0.299, 0.587, 0.114]
    ends = _fractions(page.values(532)) or [0, 255, 128, 255, 128, 255]
    return bool(
        len(weights) == 3
        and len(ends) == 6
        and np.allclose(weights, [0.299, 0.587, 0.114], atol=2e-3)
        and np.allclose(ends, [0, 255, 128, 255, 128, 255], atol=0.5)
    )


def _fractions(values: Sequence[int]) -> list[float]:
    return [values[i] / (values[i + 1] or 1) for i in range(0, len(values) - 1, 2)]


def _extra(kinds: Sequence[int], colour: Colour, samples: int) -> tuple[int | None, bool, tuple[str, ...]]:
    """Index of opacity, whether colours are multiplied by it (ExtraSamples, TIFF 6.0, p. 31), and notes."""
    extra = samples - COLOURS[colour]
    if colour == "RGB" and extra == 1 and not kinds:
        # Some writers leave out the tag. Other readers also treat the sample as opacity.
        kinds = (_STRAIGHT,)
    if kinds and len(kinds) < extra:
        kinds = (*kinds, *([_UNSPECIFIED] * (extra - len(kinds))))
    places = [
        place for place in range(extra) if place < len(kinds) and kinds[place] in (_ASSOCIATED, _STRAIGHT)
    ]
    if places:
        return COLOURS[colour] + places[0], kinds[places[0]] == _ASSOCIATED, ()
    if extra and colour in ("grey", "white is zero"):
        raise RefusedImage(f"its {samples} samples a pixel are not declared red, green and blue", _MERGE)
    return None, False, (f"each pixel's last {extra} of {samples} samples are ignored",) if extra else ()
