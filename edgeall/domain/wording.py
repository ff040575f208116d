"""A domain, and what is unlike it, in plain words."""

import math
from collections.abc import Mapping

from edgeall.artifact.domain import Domain, Quantiles


_ASPECTS: tuple[Mapping[str, tuple[str, str]], ...] = (
    {
        "edge": ("background is darker", "background is paler"),
        "black": ("less of it is black", "more of it is black"),
        "bright": ("less of it is empty background", "more of it is empty background"),
    },
    {
        "exposure": ("darker", "brighter"),
        "contrast": ("has less contrast", "has more contrast"),
        "skew": ("has fewer light parts", "has fewer dark parts"),
    },
    {
        "magenta": ("less purple", "more purple"),
        "red": ("bluer", "redder"),
        "magenta_spread": ("stain differs less within it", "stain differs more within it"),
        "red_spread": ("has fewer colours", "has more colours"),
        "dye": ("dark parts are more stained", "dark parts are less stained"),
    },
    {
        "fine": ("out of focus: has less fine detail", "grainier"),
        "sharp": ("out of focus: softer", "noisier"),
        "coarse": ("smoother", "has coarser texture"),
    },
)
"""What it means that a figure lies below or above its limits, by what figures tell: background, exposure, colour,
detail. One reason of each is enough."""

_THAN = "than the training images"

_GREY_PICTURE = "grey: it has no colour"

_GREY = 0.02
"""Spread of colour, over the mean brightness, below which a picture is grey. JPEG adds less."""

_OTHER_BACKGROUND = 0.25
"""Brightness of the edge, or black share, from which a picture has a background of another kind."""

_PALE = 0.5


def reasons(domain: Domain, found: Mapping[str, float], beyond: Mapping[str, float]) -> tuple[str, ...]:
    """Why a picture is unlike a domain, a reason for each of background, exposure, colour and detail at most.

    Where the background is of another kind, this is the only reason: the others follow from it.

    Args:
        found: the picture's figures.
        beyond: those that are beyond their limits: how far, negative for below.
    """
    kind = _other_background(domain, found, beyond)
    if kind is not None:
        return (kind,)
    said = []
    for aspect in _ASPECTS:
        mine = [name for name in aspect if name in beyond]
        if mine:
            farthest = max(mine, key=lambda name: abs(beyond[name]))
            below, above = aspect[farthest]
            said.append(f"{below if beyond[farthest] < 0 else above} {_THAN}")
            if "magenta" in aspect and _is_grey(found):
                said[-1] = _GREY_PICTURE
    return tuple(said)


def in_words(domain: Domain) -> str:
    """A line on what a model was made for."""
    kind = "cells cut out on black" if domain.on_black else "pictures that are not cut out on black"
    people = "" if domain.people is None else f" of {domain.people} people"
    left_out = "images left out" if domain.people is None else "images of people left out"
    return (
        f"{kind}: {domain.images} images{people}, {_lengths(domain.widths)} x {_lengths(domain.heights)} pixels; "
        f"refuses {domain.refused:.1%} of {left_out}, mild shifts included"
    )


def _other_background(domain: Domain, found: Mapping[str, float], beyond: Mapping[str, float]) -> str | None:
    if domain.on_black and beyond.get("edge", 0.0) > 0 and found["edge"] >= _OTHER_BACKGROUND:
        shade = "pale" if found["edge"] >= _PALE else "not black"
        return f"background is {shade}; this model was trained on cells on black"
    if not domain.on_black and beyond.get("black", 0.0) > 0 and found["black"] >= _OTHER_BACKGROUND:
        return "background is black; this model was trained on pictures that are not cut out on black"
    return None


def _is_grey(found: Mapping[str, float]) -> bool:
    return all(math.exp(found[name]) < _GREY for name in ("magenta_spread", "red_spread")) and all(
        abs(found[name]) < _GREY for name in ("magenta", "red")
    )


def _lengths(lengths: Quantiles) -> str:
    low, _, high = lengths
    return str(low) if low == high else f"{low} to {high}"
