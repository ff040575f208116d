"""Which page of a TIFF file is read, and which pages are its channels."""

import io
import re
import struct

import numpy as np
import pytest
from smear_files import error, read, smear
from tiff_files import Page, tiff

from edgeall.errors import ImageError

RGB = smear()
CHANNELS = [RGB[..., c : c + 1] for c in range(3)]
OTHER = np.full_like(CHANNELS[0], 9)
JOINED = "pages {} are joined as red, green and blue"


def described(text: str, planes: list[np.ndarray], bits: int = 8, **tags: tuple) -> bytes:
    """Grey pages with a description at the first."""
    first = {270: (2, text.encode() + b"\0")} | {int(tag[1:]): value for tag, value in tags.items()}
    pages = [Page(plane, 1, bits, tags=first if index == 0 else {}) for index, plane in enumerate(planes)]
    return tiff(*pages)


def ome(channels: int, order: str = "XYCZT", inside: str = "", **sizes: int) -> str:
    counted = {"Z": 1, "T": 1} | sizes
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint8" SizeX="37" SizeY="29" SizeC="{channels}" '
        f'SizeZ="{counted["Z"]}" SizeT="{counted["T"]}">{inside}</Pixels></Image></OME>'
    )


def luts(*colours: tuple[int, int, int]) -> dict[str, tuple]:
    """ImageJ's tags with a look-up table of 768 bytes a channel."""
    ramp = np.arange(256)
    tables = [
        np.concatenate([(ramp * part // 255) for part in colour]).astype(np.uint8) for colour in colours
    ]
    head = b"JIJI" + b"luts"[::-1] + struct.pack("<I", len(tables))
    content = head + b"".join(table.tobytes() for table in tables)
    return {"t50838": (4, [len(head), *[768] * len(tables)]), "t50839": (7, content)}


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
IMAGEJ = "ImageJ=1.54f\nimages={images}\nchannels={channels}\nmode=composite\n"
COLOURS = "".join(
    f'<Channel ID="c{n}" Color="{colour}"/>' for n, colour in enumerate((65535, 16711935, -16776961))
)
UNORDERED = "".join(
    f'<TiffData FirstC="{c}" FirstZ="0" FirstT="0" IFD="{2 - c}" PlaneCount="1"/>' for c in range(3)
)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (described(IMAGEJ.format(images=3, channels=3), CHANNELS), "1, 2, 3"),
        (described(IMAGEJ.format(images=3, channels=3), CHANNELS, **luts(RED, GREEN, BLUE)), "1, 2, 3"),
        (described(IMAGEJ.format(images=3, channels=3), CHANNELS[::-1], **luts(BLUE, GREEN, RED)), "3, 2, 1"),
        (described(IMAGEJ.format(images=6, channels=3), CHANNELS + [OTHER] * 3), "1, 2, 3 of layer 1 of 2"),
        (described(ome(3), CHANNELS), "1, 2, 3"),
        (described(ome(3, inside=COLOURS), CHANNELS[::-1]), "3, 2, 1"),
        (described(ome(3, inside=UNORDERED), CHANNELS[::-1]), "3, 2, 1"),
        (described(ome(3, "XYCZT", Z=2), CHANNELS + [OTHER] * 3), "1, 2, 3 of layer 1 of 2"),
        (
            described(ome(3, "XYZCT", Z=2), [plane for c in CHANNELS for plane in (c, OTHER)]),
            "1, 3, 5 of layer 1 of 2",
        ),
        (
            described(ome(3, "XYZTC", Z=2, T=2), [p for c in CHANNELS for p in (c, OTHER, OTHER, OTHER)]),
            "1, 5, 9 of layer 1 of 4",
        ),
        (described('{"shape": [3, 29, 37], "axes": "CYX"}', CHANNELS), "1, 2, 3"),
    ],
)
def test_a_channel_a_page_is_one_picture(content: bytes, note: str) -> None:
    found = read(content)
    assert error(found, RGB) == 0
    assert found.notes == (JOINED.format(note),)


def test_joined_channels_have_one_scale() -> None:
    planes = [plane.astype(np.uint16) * 16 for plane in CHANNELS]
    found = read(described(ome(3), planes, bits=16))
    assert error(found, np.rint(RGB * (16 * 255 / 4095)).astype(np.uint8)) <= 1
    assert found.notes[1] == "values end at 4000: taken as 12 of 16 bits"


def test_significant_bits_of_ome_are_followed() -> None:
    planes = [plane.astype(np.uint16) for plane in CHANNELS]
    found = read(described(ome(3).replace("Type=", 'SignificantBits="10" Type='), planes, bits=16))
    assert error(found, np.rint(RGB * (255 / 1023)).astype(np.uint8)) <= 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (described(IMAGEJ.format(images=2, channels=2), CHANNELS[:2]), "its pages are 2 channels"),
        (described(IMAGEJ.format(images=4, channels=4), [*CHANNELS, OTHER]), "its pages are 4 channels"),
        (
            described(IMAGEJ.format(images=3, channels=3), CHANNELS[:1]),
            "it declares 3 pages or more and holds 1",
        ),
        (
            described(IMAGEJ.format(images=3, channels=3), CHANNELS, **luts(RED, GREEN, (255, 255, 255))),
            "its channels are shown in other colours than red, green and blue",
        ),
        (described(ome(2), CHANNELS[:2]), "its pages are 2 channels"),
        (described(ome(3), CHANNELS[:2]), "it declares 3 pages or more and holds 2"),
        (
            described(IMAGEJ.format(images=10**9, channels=10**9), CHANNELS),
            "its pages are 1000000000 channels",
        ),
        (described(ome(3, inside="<TiffData " + "a" * 10**5), CHANNELS[:2]), "holds 2"),
        (described("<OME><BinaryOnly/></OME>", CHANNELS), "is in another file"),
        (described(ome(3, "XYCCC"), CHANNELS), "is damaged"),
        (
            described('{"shape": [3, 29, 37]}', CHANNELS),
            "its 3 grey pages can be channels or separate pictures",
        ),
        (described(ome(3), [CHANNELS[0], CHANNELS[1], CHANNELS[2][:20]]), "pages of different kinds"),
        (tiff(Page(RGB, 1)), "its 3 samples a pixel are not declared red, green and blue"),
        (tiff(Page(RGB, 2, tags={254: (4, [1])})), "it holds smaller copies and masks only"),
    ],
)
def test_channels_that_make_no_picture_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=rf"the image: .*{re.escape(reason)}.*; (merge|save) "):
        read(content)


def test_smaller_copies_and_masks_are_never_the_picture() -> None:
    copy = Page(RGB[::2, ::2] // 2, 2, tags={254: (4, [1])})
    old_copy = Page(RGB[::2, ::2] // 2, 2, tags={255: (3, [2])})
    mask = Page(CHANNELS[0] > 100, 4, 1, tags={254: (4, [4])})
    mask = Page(mask.values.astype(np.uint8), 4, 1, tags=mask.tags)
    for pages in ([copy, Page(RGB)], [old_copy, Page(RGB)], [mask, Page(RGB)], [Page(RGB), copy, copy]):
        found = read(tiff(*pages))
        assert error(found, RGB) == 0
        assert found.notes == ()


def test_of_several_pictures_the_first_is_read_and_told() -> None:
    found = read(tiff(Page(RGB), Page(RGB // 2), Page(RGB // 3)))
    assert error(found, RGB) == 0
    assert found.notes == ("page 1 of 3 is read",)
    stack = read(described(ome(1, Z=2), [CHANNELS[1], OTHER]))
    assert error(stack, RGB[..., 1]) == 0
    assert stack.notes == ("page 1 of 2 is read",)


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_tifffile_and_edgeall_agree_on_channels(kind: str) -> None:
    tifffile = pytest.importorskip("tifffile", reason="tifffile (extra dev) writes these files")
    file = io.BytesIO()
    planes = np.moveaxis(RGB, 2, 0).copy()
    tifffile.imwrite(file, planes, photometric="minisblack", metadata={"axes": "CYX"}, **{kind: True})
    assert error(read(file.getvalue()), RGB) == 0
