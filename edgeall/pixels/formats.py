"""Picture formats as a table, recognised by a file's first bytes; for those that are not read, what to do instead.

A file's name decides only where bytes cannot. A camera's raw file and a whole-slide scan are TIFF files whose first
picture can be a thumbnail, which content alone does not reveal.
"""

import re
from pathlib import PurePath

import PIL
from PIL import features

from edgeall.errors import ImageError
from edgeall.values import dataclass

HEAD = 256
"""Number of first bytes that `sniff` needs; fewer where a file is shorter."""


@dataclass(frozen=True)
class Format:
    """A format of pictures.

    Attributes:
        name: in messages and censuses.
        suffixes: of its files, lower case.
        magic: regular expression over a file's first bytes, compiled when needed; None for a format recognised by
            suffix only.
        decoder: Pillow's name for it; None: not read.
        codec: codec that Pillow's build needs for it, by its name in `PIL.features`; None: always available.
        remedy: what to do with a file of this format, where it is not read.
        within: names of other formats with the same first bytes; the suffix decides.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: bytes | None = None
    decoder: str | None = None
    codec: str | None = None
    remedy: str = "save the picture as PNG or TIFF"
    within: tuple[str, ...] = ()


def _magic(pattern: bytes) -> bytes:
    return b"(?s:%b)" % pattern


_EXPORT = "export the field of view as TIFF or PNG with the program that made the file"
_SLIDE_REMEDY = (
    "export a field of view as TIFF or PNG, at the magnification of the images that the model was trained on"
)

# ISO/IEC 14496-12 (ftyp box): size, "ftyp", major brand, version, compatible brands of 4 bytes each.
_BRAND = rb".{4}ftyp"
_STILL = rb"(?:mif1|msf1).{4}"

FORMATS = (
    # Before TIFF: these begin as TIFF does.
    Format(
        "camera raw",
        (".nef", ".nrw", ".cr2", ".cr3", ".arw", ".dng", ".orf", ".pef", ".raf", ".rw2", ".srw"),
        _magic(rb"II\*\0\x10\0\0\0CR|IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|" + _BRAND + rb"crx "),
        remedy="develop it to TIFF or PNG with the camera's program, in sRGB",
        within=("TIFF",),
    ),
    Format(
        "whole-slide scans",
        (".svs", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu", ".vsi"),
        remedy=_SLIDE_REMEDY,
        within=("TIFF", "JPEG"),
    ),
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _magic(rb"\xff\xd8\xff"), "JPEG"),
    Format("PNG", (".png", ".apng"), _magic(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    # Texts can begin with "BM" too, so the size of the header after it is checked.
    Format("BMP", (".bmp", ".dib"), _magic(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"), "BMP"),
    Format("TIFF", (".tif", ".tiff"), _magic(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    Format("WebP", (".webp",), _magic(rb"RIFF.{4}WEBP"), "WEBP", "webp"),
    Format(
        "AVIF",
        (".avif",),
        _magic(_BRAND + rb"(?:avif|avis|" + _STILL + rb"(?:.{4})*?(?:avif|avis))"),
        "AVIF",
        "avif",
    ),
    Format(
        "JPEG 2000",
        (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        _magic(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"),
        "JPEG2000",
        "jpg_2000",
    ),
    Format(
        "HEIC",
        (".heic", ".heif", ".hif"),
        _magic(_BRAND + rb"(?:heic|heix|heim|heis|hevc|hevx|hevm|hevs|mif1|msf1)"),
        remedy="convert it to PNG, or have the phone save JPEG (iPhone: Settings, Camera, Formats, Most Compatible)",
    ),
    Format(
        "GIF",
        (".gif",),
        _magic(rb"GIF8[79]a"),
        remedy="it has at most 256 colours; save the original picture as PNG or TIFF",
    ),
    Format("JPEG XL", (".jxl",), _magic(rb"\0\0\0\x0cJXL \r\n\x87\n")),
    Format("Photoshop", (".psd", ".psb"), _magic(rb"8BPS"), remedy="save it as PNG or TIFF, flattened"),
    Format("DICOM", (".dcm", ".dicom"), _magic(rb".{128}DICM"), remedy="export the frame as PNG or TIFF"),
    Format("Zeiss CZI", (".czi", ".zvi"), _magic(rb"ZISRAWFILE"), remedy=_EXPORT),
    Format("Leica LIF", (".lif",), _magic(rb"\x70\0\0\0.{4}\x2a"), remedy=_EXPORT),
    Format("Nikon ND2", (".nd2",), _magic(rb"\xda\xce\xbe\x0a"), remedy=_EXPORT, within=("JPEG 2000",)),
    Format("Olympus OIB", (".oib", ".oif"), remedy=_EXPORT),
    Format("GIMP", (".xcf",), _magic(rb"gimp xcf "), remedy="export it as PNG or TIFF"),
    Format("Netpbm", (".ppm", ".pgm", ".pbm", ".pnm", ".pam")),
    Format("OpenEXR", (".exr",), _magic(rb"\x76\x2f\x31\x01")),
    Format("Targa", (".tga",)),
)

READ = tuple(format.name for format in FORMATS if format.decoder)
"""Names of the formats that edgeall reads, given a Pillow build with all codecs."""

_BY_SUFFIX = {suffix: format for format in FORMATS for suffix in format.suffixes}


def has_picture_suffix(name: str) -> bool:
    """Whether a file name has the suffix of a known picture format, whether edgeall reads it or not."""
    return _suffix(name) in _BY_SUFFIX


def sniff(head: bytes, name: str = "") -> Format | None:
    """The format of a file that begins with `head` (`HEAD` bytes are enough); None where it is not a known picture.

    `name` decides between formats with the same first bytes; without one, content alone decides.
    """
    found = next((format for format in FORMATS if format.magic and re.match(format.magic, head)), None)
    named = _BY_SUFFIX.get(_suffix(name))
    if found is not None and named is not None and found.name in named.within:
        return named
    return found


def readable(head: bytes, name: str) -> Format:
    """The format of a file that begins with `head`, checked to be readable.

    Args:
        name: the file's name, also for the message.

    Raises:
        ImageError: not a picture, or of a format that edgeall or the installed Pillow does not read.
    """
    if not head:
        raise ImageError(f"{name}: not an image: the file is empty")
    found = sniff(head, name)
    if found is None:
        named = _BY_SUFFIX.get(_suffix(name))
        if named is None or named.decoder:
            raise ImageError(f"{name}: not an image that edgeall reads ({', '.join(READ)})")
        found = named
    if found.decoder is None:
        raise ImageError(f"{name}: edgeall does not read {found.name}: {found.remedy}")
    if found.codec and not features.check(found.codec):
        raise ImageError(
            f"{name}: the installed Pillow ({PIL.__version__}) cannot read {found.name}: "
            "install a newer one (pip install -U pillow), or save the picture as PNG"
        )
    return found


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()
