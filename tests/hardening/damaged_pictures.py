"""Damaged pictures of every format that is read: a picture, or one `ImageError` in one line."""

import contextlib
import io
import random
import time
import warnings
from pathlib import Path

import numpy as np
from campaign import Kind, one_line, promise
from changed_bytes import changed_bytes
from PIL import Image, ImageCms

from edgeall.errors import ImageError
from edgeall.pixels import read_image
from edgeall.pixels.reading import read_field

SECONDS = 20.0


class DamagedPictures(Kind):
    quick, sample, full = 600, 20_000, 100_000
    bounded = True

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        warnings.filterwarnings("ignore", module=r"PIL\.")
        self.pictures = pictures()

    def one(self, seed: int) -> str:
        rng = random.Random(seed)
        name = list(self.pictures)[seed % len(self.pictures)]
        content = changed_bytes(rng, self.pictures[name], list(self.pictures.values()))
        started = time.monotonic()
        try:
            if seed % 7:
                pixels = read_image(content, 8)
                promise(pixels.shape == (8, 8, 3), f"{name}: shape {pixels.shape}")
            else:
                pixels = read_field(content, 64).pixels
                promise(pixels.ndim == 3 and max(pixels.shape) <= 64, f"{name}: shape {pixels.shape}")
            promise(pixels.dtype == np.uint8, f"{name}: {pixels.dtype}")
            outcome = "read"
        except ImageError as error:
            one_line(str(error))
            outcome = "refused"
        promise(time.monotonic() - started < SECONDS, f"{name}: {time.monotonic() - started:.0f} s")
        return f"{name.split()[0]} {outcome}"


def pictures() -> dict[str, bytes]:
    """Small sound pictures: every format, and the kinds of each that are read in ways of their own."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth = Image.fromarray(colours).resize((80, 60), Image.Resampling.BICUBIC)
    deep = Image.fromarray((rng.random((40, 30)) * 65535).astype(np.uint16))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    made = {
        "JPEG": _saved(smooth, "JPEG", exif=exif.tobytes(), icc_profile=profile),
        "JPEG progressive": _saved(smooth, "JPEG", progressive=True),
        "JPEG CMYK": _saved(smooth.convert("CMYK"), "JPEG"),
        "PNG": _saved(smooth, "PNG", icc_profile=profile),
        "PNG RGBA": _saved(smooth.convert("RGBA"), "PNG"),
        "PNG palette": _saved(smooth.convert("P"), "PNG"),
        "PNG 16": _saved(deep, "PNG"),
        "BMP": _saved(smooth, "BMP"),
        "BMP palette": _saved(smooth.convert("P"), "BMP"),
        "WebP": _saved(smooth, "WEBP", icc_profile=profile),
        "WebP lossless": _saved(smooth.convert("RGBA"), "WEBP", lossless=True),
        "JPEG2000": _saved(smooth, "JPEG2000"),
        "TIFF": _saved(smooth, "TIFF", icc_profile=profile),
        "TIFF 16": _saved(deep, "TIFF"),
        "TIFF float": _saved(Image.fromarray(rng.random((20, 20), dtype=np.float32)), "TIFF"),
        "TIFF pages": _saved(smooth.convert("L"), "TIFF", save_all=True, append_images=[smooth.convert("L")] * 2),
        "TIFF group4": _saved(smooth.convert("1"), "TIFF", compression="group4"),
    }  # fmt: skip
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"):
        made[f"TIFF {name}"] = _saved(smooth, "TIFF", compression=name)
    with contextlib.suppress(KeyError, OSError):  # a Pillow without it
        made["AVIF"] = _saved(smooth, "AVIF")
    return made


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
