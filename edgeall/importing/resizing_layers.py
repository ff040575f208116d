"""Translates a Resizing layer into edgeall's own resizing, or refuses it where edgeall has no equivalent."""

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
"""Filters with negative lobes. Keras keeps values outside of 0 to 255, which bytes cannot hold."""


@dataclass(frozen=True)
class ModelResizing:
    """How a model resizes its input image.

    Attributes:
        fill: value of letterbox bars, in the layer's input range; None for another fit.
    """

    resize: Resize
    fill: float | None = None


def read_resizing(options: dict[str, Any]) -> ModelResizing:
    """The resizing of a layer with these options, for an image of any size.

    Raises:
        ValueError: edgeall has no such resizing; the message names the option.
    """
    height, width = options["height"], options["width"]
    if height != width:
        raise ValueError(f"resizes to {width} x {height}; edgeall imports models with square inputs")
    interpolation, antialias = options.get("interpolation", "bilinear"), bool(options.get("antialias", False))
    if (interpolation, antialias) not in _FILTERS:
        how = f"{interpolation} {'with' if antialias else 'without'} antialiasing"
        raise ValueError(
            f"resizes by {how}, for which edgeall has no filter (it has {', '.join(map(_describe, _FILTERS))})"
        )
    crop, pad = bool(options.get("crop_to_aspect_ratio")), bool(options.get("pad_to_aspect_ratio"))
    if crop and pad:
        raise ValueError("crops to the aspect ratio and pads to it as well, which Keras refuses too")
    if pad and options.get("fill_mode", "constant") != "constant":
        raise ValueError(f"pads by fill_mode='{options['fill_mode']}'; edgeall pads with one colour")
    fit: Fit = "crop" if crop else "letterbox" if pad else "stretch"
    fill = float(options.get("fill_value", 0.0)) if pad else None
    return ModelResizing(Resize(int(height), fit, _FILTERS[interpolation, antialias]), fill)


def _describe(key: tuple[str, bool]) -> str:
    return f"{key[0]} {'with' if key[1] else 'without'}"
