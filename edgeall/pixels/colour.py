"""What a file's colour profile makes of its colours, in sRGB.

Models see sRGB. The same smear saved in Adobe RGB has bytes that are 2.7 of 255 away on average, in ProPhoto RGB 14;
a phone's are in Display P3. An embedded ICC profile (ISO 15076-1) says what the bytes mean, and LittleCMS, which
Pillow brings along, converts them. The square that a model reads is converted, not the whole picture: 0.6 ms instead
of 58 for 5 million pixels, and 0.13 of 255 from a conversion before resizing. CMYK alone is converted before, since a
square is RGB.

Most profiles are sRGB under some name. They are known by what they do: a profile that changes no colour visibly is
not applied, and bytes stay as they are.
"""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Stored = Literal["RGB", "grey", "CMYK"]

MAX_PROFILE_BYTES = 4 * 2**20
"""Larger profiles are not looked at. Those of printing presses, the largest in use, have 0.5 to 3 MB."""

_SAME = 2
"""A profile that changes no colour by more (of 255) is sRGB: its curve rounded, or put as a simpler formula."""

# ISO 15076-1, 7.2: offsets in the header, and the signatures that a picture's profile may have there. Device links,
# abstract profiles and lists of named colours are not what a picture is encoded in.
_CLASS = slice(12, 16)
_SPACE = slice(16, 20)
_MARK = slice(36, 40)
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}

DAMAGED = "its colour profile is damaged and ignored"
NOT_ITS_OWN = "its colour profile is for other pictures ({space}) and ignored"
TOO_LARGE = f"its colour profile has more than {MAX_PROFILE_BYTES // 2**20} MiB and is ignored"
NO_LITTLECMS = "its colour profile is ignored: the Pillow installed here has no LittleCMS"


@dataclass(frozen=True)
class Conversion:
    """What makes sRGB of a file's pictures.

    Attributes:
        note: what of the profile is ignored, in one sentence; empty where nothing is.
    """

    note: str = ""
    _transform: Any = None
    _mode: str = "RGB"

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.note,) if self.note else ()

    def apply(self, image: Image.Image) -> Image.Image:
        """An RGB or CMYK picture in sRGB, mode RGB; a grey one has three equal channels.

        CMYK profiles convert CMYK alone: what already is RGB, made of converted bands, stays.
        """
        if self._transform is None or image.mode != ("CMYK" if self._mode == "CMYK" else "RGB"):
            return image if image.mode == "RGB" else image.convert("RGB")
        converted: Image.Image = self._transform.apply(image.getchannel(0) if self._mode == "L" else image)
        return converted


NONE = Conversion()


def mode_of(profile: bytes) -> str | None:
    """Mode of the pictures that a profile is for: "RGB", "L" or "CMYK"; None where it is no picture's profile."""
    if profile[_MARK] != b"acsp" or profile[_CLASS] not in _CLASSES:
        return None
    return _MODES.get(profile[_SPACE])


def conversion(profile: bytes | None, stored: Stored) -> Conversion:
    """How the pictures of a file become sRGB.

    Args:
        profile: the file's ICC profile, as it is there; None or empty where it has none.
        stored: the colours that the file stores; what is neither CMYK nor grey counts as RGB.
    """
    if not profile:
        return NONE
    if len(profile) > MAX_PROFILE_BYTES:
        return Conversion(TOO_LARGE)
    mode = mode_of(profile)
    if mode is None:
        return Conversion(DAMAGED)
    if (mode == "CMYK") != (stored == "CMYK") or (mode == "L" and stored != "grey"):
        return Conversion(NOT_ITS_OWN.format(space=profile[_SPACE].decode("ascii").strip()))
    transform, note = _transform(profile, mode)
    return Conversion(note, transform, mode)


def stored_colours(mode: str) -> Stored:
    """The colours of a picture that Pillow has in `mode`."""
    if mode == "CMYK":
        return "CMYK"
    return "grey" if mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16") else "RGB"


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> tuple[Any, str]:
    """The conversion of pictures of `mode` to sRGB, None where there is nothing to convert; and what was ignored."""
    try:
        from PIL import ImageCms

        # Rendering as picture editors do: white stays white, black stays black.
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
    except Exception:
        # LittleCMS refuses a damaged profile in as many ways as there are to damage one.
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
