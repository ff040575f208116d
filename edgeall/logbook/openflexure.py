"""What an OpenFlexure microscope writes into its JPEG files: JSON, in the EXIF tag UserComment.

The places of positions and calibrations are those that openflexure-stitching 0.3 knows (openflexure.org): of the
microscope's server version 3, an earlier form of it, and version 2, which also names the scan.
"""

import io
from typing import Any

from edgeall import documents
from edgeall.logbook.entries import Capture

MOST_BYTES = 1 << 16
"""Of the JSON. A segment of a JPEG file holds no more."""
MOST_DEPTH = 20
"""Lists and objects inside one another. Those of OpenFlexure have up to 7."""

_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_CODE_BYTES = 8
"""Of a character code before the comment (EXIF 2.32, 4.6.5): "ASCII", "UNICODE", "JIS" or nothing, filled with zeros.
OpenFlexure writes none."""

_POSITION = (("stage", "position"), ("/stage/", "position"), ("instrument", "state", "stage", "position"))
_MATRIX = (
    ("camera_stage_mapping", "image_to_stage_displacement_matrix"),
    ("/camera_stage_mapping/", "image_to_stage_displacement_matrix"),
    (
        *("instrument", "settings", "extensions", "org.openflexure.camera_stage_mapping"),
        "image_to_stage_displacement",
    ),
)
_MICROMETRES = (("instrument", "settings", "extensions", "usafcal", "um_per_px"),)
_SCAN = (("dataset", "name"), ("dataset", "id"))


def capture_of(content: bytes) -> Capture | None:
    """What a microscope wrote into a picture; None where it wrote nothing, or nothing that is sound.

    Args:
        content: of the file.
    """
    comment = _user_comment(content)
    return None if comment is None else _read(comment)


def _read(comment: bytes) -> Capture | None:
    if len(comment) > MOST_BYTES:
        return None
    try:
        document = documents.parse(comment.decode())
    except ValueError:
        return None
    if not isinstance(document, dict) or not _is_shallow(document):
        return None
    position = _first(document, _POSITION)
    found = {
        "scan": _text(_first(document, _SCAN)),
        "position": [position.get(axis) for axis in "xyz"] if isinstance(position, dict) else None,
        "matrix": _first(document, _MATRIX),
        "um_per_px": _first(document, _MICROMETRES),
    }
    if all(value is None for value in found.values()):
        return None
    return _sound(found, document)


def _sound(found: dict[str, Any], document: dict[str, Any]) -> Capture | None:
    """The capture, without values that are of another type than they must be."""
    try:
        nothing = documents.build(Capture, dict.fromkeys(found) | {"document": document})
    except documents.DocumentError:
        return None
    kept = {}
    for name, value in found.items():
        try:
            one = documents.build(Capture, dict.fromkeys(found) | {"document": {}, name: value})
        except documents.DocumentError:
            continue
        kept[name] = getattr(one, name)
    return Capture(**(vars(nothing) | kept))


def _user_comment(content: bytes) -> bytes | None:
    if not content.startswith(b"\xff\xd8\xff") or content.find(b"Exif\0\0", 0, 2 * MOST_BYTES) < 0:
        return None
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with JpegImageFile(io.BytesIO(content)) as image:
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    except MemoryError:
        raise
    except Exception:
        # Pillow raises many kinds of errors for damaged EXIF data, and of damaged pictures classification tells.
        return None
    if isinstance(comment, str):
        comment = comment.encode("utf-8", "replace")
    if not isinstance(comment, bytes):
        return None
    coded = comment[:_CODE_BYTES].rstrip(b"\0") in (b"", b"ASCII")
    return (comment[_CODE_BYTES:] if coded else comment).strip(b"\0 \r\n\t")


def _is_shallow(document: Any) -> bool:
    layer = [document]
    for _ in range(MOST_DEPTH):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return True
    return False


def _first(document: Any, places: tuple[tuple[str, ...], ...]) -> Any:
    """The value at the first of some places that has one."""
    for place in places:
        value = document
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
