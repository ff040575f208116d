"""Chooses the page of a TIFF file that is the picture, or the pages that are its channels.

A file can have smaller copies and masks (TIFF 6.0, NewSubfileType), layers of a stack and, from microscope programs, a
page each for red, green and blue. OME-TIFF describes the pages in XML (SizeC, DimensionOrder, TiffData), ImageJ in
lines of its description (channels=3), tifffile in JSON.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.tiff import Directory

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _DESCRIPTION, _SAMPLES = 254, 255, 270, 277
_REDUCED, _MASK = 1, 4
_IMAGEJ_COUNTS, _IMAGEJ_METADATA = 50838, 50839

_COUNTED = ("channels", "images")

_LONGEST = 4096
"""Most characters of an XML element that are parsed; real ones have a few hundred."""

_MERGE = "merge its channels into one 8-bit RGB TIFF or PNG"


@dataclass(frozen=True)
class Pages:
    """The page that is the picture, or the three that are its red, green and blue.

    Attributes:
        indices: positions in the file's chain of pages.
        bits: significant bits a value, where the description has them.
        notes: which of several pages were chosen.
    """

    indices: tuple[int, ...]
    bits: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Described:
    """Contents of a description of pages.

    Attributes:
        channels: number of pages of one picture.
        planes: page of each channel of the first layer.
        order: channels that are red, green and blue.
        layers: number of pictures of `channels` pages each.
    """

    channels: int
    planes: tuple[int, ...]
    layers: int
    order: tuple[int, ...] = (0, 1, 2)
    bits: int | None = None


def choose(directories: Sequence[Directory]) -> Pages:
    """The first page that is neither a smaller copy nor a mask, with the pages that are its other channels.

    Raises:
        RefusedImage: there is none, or the channels do not form an RGB picture.
    """
    full = [index for index, page in enumerate(directories) if not _minor(page)]
    if not full:
        raise RefusedImage("it holds smaller copies and masks only, no picture")
    first = directories[full[0]]
    described = _described(first, len(full))
    if described is None or described.channels == 1:
        start = described.planes[0] if described else 0
        if start >= len(full):
            raise _missing(start + 1, len(full))
        notes = (f"page {start + 1} of {len(full)} is read",) if len(full) > 1 else ()
        return Pages((full[start],), described.bits if described else None, notes)
    if max(described.planes) >= len(full):
        raise _missing(max(described.planes) + 1, len(full))
    chosen = tuple(full[described.planes[channel]] for channel in described.order)
    layer = f" of layer 1 of {described.layers}" if described.layers > 1 else ""
    joined = ", ".join(str(index + 1) for index in chosen)
    return Pages(chosen, described.bits, (f"pages {joined}{layer} are joined as red, green and blue",))


def _wrong_number(channels: int) -> RefusedImage:
    return RefusedImage(f"its pages are {channels} channels, not red, green and blue", _MERGE)


def _missing(needed: int, held: int) -> RefusedImage:
    return RefusedImage(f"it declares {needed} pages or more and holds {held}", _MERGE)


def _minor(page: Directory) -> bool:
    return bool(page.number(_NEW_SUBFILE_TYPE, 0) & (_REDUCED | _MASK)) or page.number(_SUBFILE_TYPE, 0) == 2


def _described(page: Directory, held: int) -> _Described | None:
    text = page.text(_DESCRIPTION)
    samples = page.number(_SAMPLES, 1)
    if "<OME" in text or ":OME" in text:
        return _by_ome(text, samples)
    if text.startswith("ImageJ="):
        return _by_imagej(page, text, samples)
    if text.startswith("{") and held > 1 and samples == 1:
        return _by_shape(text)
    return None


def _attributes(text: str, element: str) -> list[dict[str, str]]:
    """Attributes of every `element` in XML. Without an XML parser, because descriptions are untrusted (entities)."""
    found = re.findall(rf"<(?:\w+:)?{element}\b([^<>]*)>", text)
    return [dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', inside[:_LONGEST])) for inside in found]


def _by_ome(text: str, samples: int) -> _Described:
    pixels = _attributes(text, "Pixels")
    if not pixels:
        raise RefusedImage("the description of its pages (OME-XML) is in another file", _MERGE)
    # Only the file's first image.
    first = re.split(r"</(?:\w+:)?Pixels>", text, maxsplit=1)[0]
    sizes = {axis: _count(pixels[0].get(f"Size{axis}", "1")) for axis in "ZCT"}
    if samples > 1:
        # OME counts a page's samples as channels.
        sizes["C"] = max(1, sizes["C"] // samples)
    bits = _count(pixels[0]["SignificantBits"]) if "SignificantBits" in pixels[0] else None
    order = pixels[0].get("DimensionOrder", "XYZCT")[2:]
    if sorted(order) != ["C", "T", "Z"]:
        raise RefusedImage("the description of its pages (OME-XML) is damaged", _MERGE)
    channels = sizes["C"] if samples == 1 else 1
    if channels not in (1, 3):
        raise _wrong_number(channels)
    sizes["C"] = channels
    planes = _ome_planes(_attributes(first, "TiffData"), order, sizes)
    colours = [attributes.get("Color") for attributes in _attributes(first, "Channel")]
    return _Described(
        channels, planes, sizes["Z"] * sizes["T"], _order_of(_ome_colours(colours), channels), bits
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) < 10**6:
        raise RefusedImage("the description of its pages (OME-XML) is damaged", _MERGE)
    return int(text[:9])


def _index(block: dict[str, str], key: str, default: int) -> int:
    text = block.get(key, "")
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else default


def _ome_planes(blocks: list[dict[str, str]], order: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """Page of each channel at Z = T = 0 (OME-TIFF specification, "The TiffData element")."""
    stride = sizes[order[0]] if order[1] == "C" else sizes[order[0]] * sizes[order[1]]
    stride = 1 if order[0] == "C" else stride
    by_rule = tuple(channel * stride for channel in range(sizes["C"]))
    if not any(key in block for block in blocks for key in ("FirstC", "FirstZ", "FirstT", "IFD")):
        return by_rule
    # Blocks of one page each can come in any order.
    planes = dict(enumerate(by_rule)) if len(blocks) == 1 else {}
    for block in blocks:
        at = {axis: _index(block, f"First{axis}", 0) for axis in "ZCT"}
        page, number = _index(block, "IFD", 0), _index(block, "PlaneCount", 1)
        if number == 1 and at["Z"] == at["T"] == 0:
            planes[at["C"]] = page
        elif number > 1 and not any(at.values()):
            planes.update({channel: page + place for channel, place in enumerate(by_rule) if place < number})
    if any(channel not in planes for channel in range(sizes["C"])):
        raise RefusedImage("the description of its pages (OME-XML) leaves some out", _MERGE)
    return tuple(planes[channel] for channel in range(sizes["C"]))


def _ome_colours(colours: Sequence[str | None]) -> list[tuple[int, int, int]] | None:
    """Colour of each channel, from signed 32-bit RGBA; None where all are white, which is the default."""
    if not colours or any(colour is None or not re.fullmatch(r"-?\d{1,11}", colour) for colour in colours):
        return None
    packed = [int(colour or 0) & 0xFFFFFFFF for colour in colours]
    parts = [(value >> 24 & 255, value >> 16 & 255, value >> 8 & 255) for value in packed]
    return None if all(part == (255, 255, 255) for part in parts) else parts


def _order_of(colours: Sequence[tuple[int, int, int]] | None, channels: int) -> tuple[int, ...]:
    """Indices of the red, green and blue channels: by their colours, or by their order where they have none."""
    if colours is None or channels != 3:
        return (0, 1, 2)
    pure = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    if sorted(colours) != sorted(pure):
        raise RefusedImage("its channels are shown in other colours than red, green and blue", _MERGE)
    return tuple(list(colours).index(colour) for colour in pure)


def _by_imagej(page: Directory, text: str, samples: int) -> _Described:
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    number = {
        key: int(values.get(key, "")[:12]) if values.get(key, "").isdecimal() else 1 for key in _COUNTED
    }
    if samples > 1 or number["channels"] == 1:
        return _Described(1, (0,), number["images"])
    channels = number["channels"]
    if channels != 3:
        raise _wrong_number(channels)
    order = _order_of(_imagej_colours(page), channels)
    return _Described(channels, tuple(range(channels)), max(1, number["images"] // channels), order)


def _imagej_colours(page: Directory) -> list[tuple[int, int, int]] | None:
    """Last colour of each channel's look-up table; None without tables (written by ij/io/TiffEncoder.java)."""
    counts, content = page.values(_IMAGEJ_COUNTS), page.raw(_IMAGEJ_METADATA)
    if not counts or content[:4] not in (b"IJIJ", b"JIJI"):
        return None
    order: Literal["big", "little"] = "big" if content[:4] == b"IJIJ" else "little"
    at, block, colours = counts[0], 1, []
    for head in range(4, counts[0] - 7, 8):
        kind = content[head : head + 4] if order == "big" else content[head : head + 4][::-1]
        for _ in range(min(int.from_bytes(content[head + 4 : head + 8], order), len(counts) - block)):
            table = content[at : at + counts[block]]
            if kind == b"luts" and len(table) == 768:
                colours.append((table[255], table[511], table[767]))
            at, block = at + counts[block], block + 1
    return colours or None


def _by_shape(text: str) -> _Described | None:
    """tifffile's {"shape": [...], "axes": "..."}."""
    try:
        values = json.loads(text)
        shape = [int(length) for length in values["shape"]]
        axes = str(values.get("axes", ""))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    outer = shape[:-2]
    if not any(length > 1 for length in outer):
        return None
    if len(axes) != len(shape):
        if outer[-1] == 3:
            raise RefusedImage(
                "its 3 grey pages can be channels or separate pictures; the file does not state which", _MERGE
            )
        return None
    if "C" not in axes[:-2]:
        return None
    place = axes.index("C")
    stride = 1
    for length in outer[place + 1 :]:
        stride *= length
    layers = 1
    for length in outer:
        layers *= length
    channels = shape[place]
    if channels not in (1, 3):
        raise _wrong_number(channels)
    return _Described(
        channels, tuple(c * stride for c in range(channels)), max(1, layers // max(1, channels))
    )
