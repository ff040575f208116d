"""What a Resizing layer does to a picture, said as edgeall's own resizing, or refused where that is something else."""

from dataclasses import dataclass
from typing import Any

from edgeall.pixels import Filter, Fit, Resize

_FILTERS: dict[tuple[str, bool], Filter] = {
    ("nearest", False): "nearest",
    ("nearest", True): "nearest",
    ("bilinear", False): "bilinear-no-antialias",
    ("bilinear", True): "bilinear",
    ("bicubic", True): "bicubic",
    ("lanczos3", True): "lanczos",
}
"""(interpolation, antialias) of Keras to a filter with the same kernel: Keys' with a = -0.5, Lanczos' with a = 3."""

OVERSHOOTING: tuple[Filter, ...] = ("bicubic", "lanczos")
"""Filters with negative lobes: Keras keeps what falls outside of 0 to 255, which bytes cannot hold."""


@dataclass(frozen=True)
class Squared:
    """How a model resizes the picture that it is given.

    Attributes:
        fill: value of letterbox bars, in the numbers that the layer is given; None for another fit.
    """

    resize: Resize
    fill: float | None = None


def of_resizing(options: dict[str, Any]) -> Squared:
    """What a Resizing layer with these options does to a picture of any size.

    Raises:
        ValueError: edgeall has no such resizing; the message says what of it.
    """
    height, width = options["height"], options["width"]
    if height != width:
        raise ValueError(f"resizes to {width} x {height}; edgeall takes square inputs")
    interpolation, antialias = options.get("interpolation", "bilinear"), bool(options.get("antialias", False))
    if (interpolation, antialias) not in _FILTERS:
        how = f"{interpolation} {'with' if antialias else 'without'} antialiasing"
        raise ValueError(
            f"resizes by {how}, for which edgeall has no filter (it has {', '.join(map(_words, _FILTERS))})"
        )
    crop, pad = bool(options.get("crop_to_aspect_ratio")), bool(options.get("pad_to_aspect_ratio"))
    if crop and pad:
        raise ValueError("crops to the aspect ratio and pads to it as well, which Keras refuses too")
    if pad and options.get("fill_mode", "constant") != "constant":
        raise ValueError(f"pads by fill_mode='{options['fill_mode']}'; edgeall pads with one colour")
    fit: Fit = "crop" if crop else "letterbox" if pad else "stretch"
    fill = float(options.get("fill_value", 0.0)) if pad else None
    return Squared(Resize(int(height), fit, _FILTERS[interpolation, antialias]), fill)


def _words(key: tuple[str, bool]) -> str:
    return f"{key[0]} {'with' if key[1] else 'without'}"
