"""Converts colours to sRGB by a file's ICC profile (ISO 15076-1).

Models take sRGB. The same smear saved in Adobe RGB has bytes that differ by 2.7 of 255 on average, in ProPhoto RGB by
14; phones use Display P3. LittleCMS, which is part of Pillow, does the conversion. It runs on the resized square and
not on the whole picture: 0.6 ms instead of 58 for 5 million pixels, with a difference of 0.13 of 255. CMYK is converted
before resizing, because the square is RGB.

Most profiles are sRGB under some name. They are recognised by their effect: a profile that changes no colour visibly is
not applied, and bytes stay unchanged.
"""

import io
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.values import dataclass

Stored = Literal["RGB", "grey", "CMYK"]

MAX_PROFILE_BYTES = 4 * 2**20
"""Most bytes of a profile that is read. Those of printing presses, the largest in use, have 0.5 to 3 MB."""

_SAME = 2
"""Largest change of a colour (of 255) by an sRGB profile, whose curve can be rounded or simplified."""

# ISO 15076-1, 7.2: offsets in the header, and the signatures of a picture's profile. Device links, abstract profiles
# and lists of named colours do not encode pictures.
_CLASS = slice(12, 16)
_SPACE = slice(16, 20)
_MARK = slice(36, 40)
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}

DAMAGED = "its colour profile is damaged and ignored"
OTHER_COLOURS = "its colour profile is for other pictures ({space}) and ignored"
TOO_LARGE = f"its colour profile has more than {MAX_PROFILE_BYTES // 2**20} MiB and is ignored"
NO_LITTLECMS = "its colour profile is ignored: the Pillow installed here has no LittleCMS"


@dataclass(frozen=True)
class Conversion:
    """Conversion of a file's pictures to sRGB.

    Attributes:
        note: why the profile is ignored; empty where it is not.
    """

    note: str = ""
    _transform: Any = None
    _mode: str = "RGB"

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.note,) if self.note else ()

    def apply(self, image: Image.Image) -> Image.Image:
        """Convert an RGB or CMYK picture to sRGB, mode RGB. A grey picture has three equal channels.

        A CMYK profile leaves RGB pictures unchanged, because their bands were converted already.
        """
        if self._transform is None or image.mode != ("CMYK" if self._mode == "CMYK" else "RGB"):
            return image if image.mode == "RGB" else image.convert("RGB")
        converted: Image.Image = self._transform.apply(image.getchannel(0) if self._mode == "L" else image)
        return converted


NONE = Conversion()


def mode_of(profile: bytes) -> str | None:
    """Mode of the pictures that a profile is for: "RGB", "L" or "CMYK"; None where it is not a picture's profile."""
    if profile[_MARK] != b"acsp" or profile[_CLASS] not in _CLASSES:
        return None
    return _MODES.get(profile[_SPACE])


def conversion(profile: bytes | None, stored: Stored) -> Conversion:
    """The conversion of a file's pictures to sRGB.

    Args:
        profile: the file's ICC profile; None or empty where it has none.
        stored: the file's colours; anything but CMYK and grey counts as RGB.
    """
    if not profile:
        return NONE
    if len(profile) > MAX_PROFILE_BYTES:
        return Conversion(TOO_LARGE)
    mode = mode_of(profile)
    if mode is None:
        return Conversion(DAMAGED)
    if (mode == "CMYK") != (stored == "CMYK") or (mode == "L" and stored != "grey"):
        return Conversion(OTHER_COLOURS.format(space=profile[_SPACE].decode("ascii").strip()))
    transform, note = _transform(profile, mode)
    return Conversion(note, transform, mode)


def stored_colours(mode: str) -> Stored:
    """The stored colours of a picture with the Pillow mode `mode`."""
    if mode == "CMYK":
        return "CMYK"
    return "grey" if mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16") else "RGB"


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> tuple[Any, str]:
    """The transform of pictures of `mode` to sRGB, None where none is needed; and why the profile is ignored."""
    try:
        from PIL import ImageCms

        # As in picture editors: white stays white, black stays black.
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        changed = mode == "CMYK" or _changes(transform, mode)
    except ImportError:
        return None, NO_LITTLECMS
    except MemoryError:
        raise
    except Exception:
        # LittleCMS raises many kinds of errors for damaged profiles.
        return None, DAMAGED
    return (transform if changed else None), ""


def _changes(transform: Any, mode: str) -> bool:
    before = _every_colour(mode)
    after = np.asarray(transform.apply(Image.fromarray(before)), dtype=np.int16)
    if mode == "L":
        before = np.repeat(before[..., None], 3, axis=2)
    return bool(np.abs(after - before).max() > _SAME)


def _every_colour(mode: str) -> npt.NDArray[np.uint8]:
    """All levels of grey (1, 256), or 17 levels of each of R, G and B (17, 289, 3)."""
    if mode == "L":
        return np.arange(256, dtype=np.uint8)[None]
    levels = np.linspace(0, 255, 17).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(17, -1, 3)
