"""Pictures as JPEGs that every browser shows: many microscope cameras write TIFF."""

import io

from PIL import Image

from edgeall.pixels import read_field

LONGEST = 1600
"""Most pixels of the longer side."""
_QUALITY = 88


def preview(data: bytes, name: str) -> bytes:
    """A picture as a JPEG, upright, in sRGB, at most `LONGEST` pixels long.

    Raises:
        ImageError: it cannot be read; the message names it.
    """
    source = io.BytesIO(data)
    source.name = name
    out = io.BytesIO()
    Image.fromarray(read_field(source, LONGEST).pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
