"""Every combination of how a TIFF stores its values is read as the 8-bit picture that it holds, or refused.

The files are made byte by byte from TIFF 6.0, and again by tifffile where it is installed.
"""

import io
import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from smear_files import error, read, smear
from tiff_files import COMPRESSIONS, Page, tiff

from edgeall.errors import ImageError

RGB = smear()
GREY = RGB[..., 1:2]
CMYK = 255 - np.dstack([RGB, np.full_like(GREY, 255)])
Y = RGB.astype(float) @ [0.299, 0.587, 0.114]
YCBCR = np.dstack([Y, (RGB[..., 2] - Y) / 1.772 + 128, (RGB[..., 0] - Y) / 1.402 + 128])

DEPTHS = (1, 2, 4, 8, 10, 12, 14, 16, 32)
PHOTOMETRICS = {0: GREY, 1: GREY, 2: RGB, 5: CMYK}
BLOCKS = ({}, {"rows": 5}, {"tile": (16, 32)})


def deepened(picture: np.ndarray, bits: int) -> np.ndarray:
    """Bytes as values of `bits` bits."""
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    return np.rint(picture * ((2**bits - 1) / 255)).astype(kind)


def as_bytes(values: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(values * (255 / (2**bits - 1))).astype(np.uint8)


def shown(picture: np.ndarray, photometric: int) -> np.ndarray:
    """Bytes of the values as a screen shows them; grey without its last axis."""
    if photometric == 5:
        return 255 - picture[..., :3]
    return picture[..., 0] if picture.shape[2] == 1 else picture


def integers() -> Iterator[tuple[str, bytes, np.ndarray]]:
    for bits, (photometric, picture), compression, block, planar in itertools.product(
        DEPTHS, PHOTOMETRICS.items(), COMPRESSIONS, BLOCKS, (False, True)
    ):
        if planar and picture.shape[2] == 1:
            continue
        values = deepened(picture, bits)
        expected = shown(as_bytes(values, bits), photometric)
        if photometric == 0:
            values = (2**bits - 1 - values.astype(np.int64)).astype(values.dtype)
        for predictor, order in itertools.product((1, 2) if bits in (8, 16, 32) else (1,), "<>"):
            if predictor == 2 and compression == "none":
                continue
            page = Page(values, photometric, bits, compression, planar, predictor=predictor, **block)
            name = f"{bits} bits {photometric} {compression} {block} planar={planar} {predictor} {order}"
            # BigTIFF differs in its directory alone: every other combination is one.
            yield name, tiff(page, order=order, big=(order == ">") == planar), expected


def floats() -> Iterator[tuple[str, bytes, np.ndarray]]:
    for kind, (photometric, picture), compression, block, planar in itertools.product(
        ("f2", "f4", "f8"), ((1, GREY), (2, RGB)), ("none", "lzw", "deflate", "lzma"), BLOCKS, (False, True)
    ):
        if planar and picture.shape[2] == 1:
            continue
        values = (picture / 255).astype(kind)
        for predictor, order in itertools.product((1, 2, 3), "<>"):
            if predictor > 1 and compression == "none":
                continue
            page = Page(values, photometric, 8, compression, planar, predictor=predictor, **block)
            name = f"{kind} {photometric} {compression} {block} planar={planar} {predictor} {order}"
            yield name, tiff(page, order=order), shown(picture, photometric)


def palettes() -> Iterator[tuple[str, bytes, np.ndarray]]:
    for bits, compression, block, order in itertools.product((1, 2, 4, 8), COMPRESSIONS, BLOCKS, "<>"):
        values = deepened(GREY, bits)
        levels = np.linspace(0, 255, 2**bits).astype(np.uint8)
        colours = np.stack([levels, levels[::-1], levels // 2], axis=1)
        for factor in (1, 257):
            table = (3, (colours.T.ravel().astype(int) * factor).tolist())
            page = Page(values, 3, bits, compression, tags={320: table}, **block)
            yield (
                f"palette {bits} {compression} {block} {order}",
                tiff(page, order=order),
                colours[values[..., 0]],
            )


def narrow_values() -> Iterator[tuple[str, bytes, np.ndarray]]:
    """8, 10, 12 and 14 bits in 16 and 32, with and without a word about it, unsigned and signed."""
    for bits, (photometric, picture), told, kind in itertools.product(
        (8, 10, 12, 14), PHOTOMETRICS.items(), (False, True), ("u2", "u4", "i2", "i4")
    ):
        values = deepened(picture, bits)
        if photometric == 0:
            values = 2**bits - 1 - values
            values[0, 0] = 2**bits - 1
        expected = as_bytes(2**bits - 1 - values if photometric == 0 else values, bits)
        page = Page(values.astype(kind), photometric, 8 * int(kind[1]))
        if told:
            page.tags[281] = (3, [2**bits - 1] * picture.shape[2])
        yield f"{bits} in {kind} {photometric} told={told}", tiff(page), shown(expected, photometric)


def others() -> Iterator[tuple[str, bytes, np.ndarray]]:
    for compression, block, order in itertools.product(COMPRESSIONS, BLOCKS, "<>"):
        values = np.rint(YCBCR).clip(0, 255).astype(np.uint8)
        page = Page(values, 6, 8, compression, tags={530: (3, [1, 1])}, **block)
        yield f"YCbCr {compression} {block} {order}", tiff(page, order=order), RGB
        for bits in (1, 8, 16):
            values = deepened(RGB, bits)
            page = Page(values, 2, bits, compression, reversed_bits=True, **block)
            yield (
                f"fill order {bits} {compression} {block} {order}",
                tiff(page, order=order),
                as_bytes(values, bits),
            )


FAMILIES = (integers, floats, palettes, narrow_values, others)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_combination_holds_its_picture(family) -> None:
    failed = []
    for name, content, expected in family():
        try:
            away = error(read(content), expected)
        except ImageError as refusal:
            failed.append(f"{name}: {refusal}")
        else:
            if away > 2:
                failed.append(f"{name}: {away} of 255 away")
    assert not failed, f"{len(failed)} combinations, among them {failed[:10]}"


def written_by_tifffile() -> Iterator[tuple[str, bytes, np.ndarray, int]]:
    """Files of tifffile with every compression that it has a codec for, what they hold, and how near it must be."""
    tifffile = pytest.importorskip("tifffile", reason="tifffile (extra dev) writes these files")
    pytest.importorskip("imagecodecs", reason="imagecodecs (extra dev) compresses these files")
    compressions = (
        None,
        "lzw",
        "deflate",
        "packbits",
        "zstd",
        "lzma",
        "jpeg",
        "webp",
        "jpeg2000",
        "lerc",
        "png",
    )
    for (kind, bits), compression, (
        photometric,
        picture,
    ), tile, planar, predictor, order in itertools.product(
        (("u1", 8), ("u2", 16), ("u4", 32), ("u2", 12), ("f2", 0), ("f4", 0)),
        compressions,
        PHOTOMETRICS.items(),
        (None, (16, 32)),
        ("contig", "separate"),
        (False, 2, 3),
        "<>",
    ):
        grey = picture.shape[2] == 1
        if (grey and planar == "separate") or (
            predictor and compression not in ("lzw", "deflate", "zstd", "lzma")
        ):
            continue
        # tifffile 2026.3 packs 12 bits otherwise in big-endian files, and does not read them back itself.
        if bits == 12 and (compression or order == ">"):
            continue
        values = (picture / 255).astype(kind) if kind[0] == "f" else deepened(picture, bits)
        if photometric == 0:
            values = (1 - values if kind[0] == "f" else 2**bits - 1 - values.astype(np.int64)).astype(kind)
        values = values[..., 0] if grey else values
        if planar == "separate":
            values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        options = {} if grey else {"planarconfig": planar}
        if bits == 12:
            options["bitspersample"] = 12
        if predictor:
            options["predictor"] = predictor
        if compression == "jpeg":
            options["compressionargs"] = {"level": 98}
        file = io.BytesIO()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tifffile.imwrite(
                    file,
                    values,
                    photometric=("miniswhite", "minisblack", "rgb", None, None, "separated")[photometric],
                    compression=compression,
                    tile=tile,
                    byteorder=order,
                    metadata=None,
                    **options,
                )
        except Exception:
            # It has no codec for the combination.
            continue
        name = f"{kind} {bits} {compression} {photometric} {tile} {planar} {predictor} {order}"
        expected = shown(picture, photometric)
        if compression == "jpeg" and photometric == 2 and planar == "contig":
            # JPEG keeps half of the colours' resolution; how they are spread again differs a little.
            expected = tifffile.imread(io.BytesIO(file.getvalue()))
        yield name, file.getvalue(), expected, 8 if compression == "jpeg" else 2


def test_what_tifffile_writes_holds_its_picture_or_is_refused() -> None:
    failed, read_right, refused = [], 0, set()
    for name, content, expected, near in written_by_tifffile():
        try:
            away = error(read(content), expected)
        except ImageError as refusal:
            refused.add(str(refusal))
            continue
        read_right += away <= near
        if away > near:
            failed.append(f"{name}: {away} of 255 away")
    assert not failed, f"{len(failed)} combinations, among them {failed[:10]}"
    assert read_right > 500
    reasons = ("its compression is ", "JPEG compression of ")
    assert all(any(reason in text for reason in reasons) and "save it" in text for text in refused)
