"""A domain, and what is unlike it, in plain words."""

import math
from collections.abc import Mapping

from edgeall.artifact.domain import Domain, Quantiles

_ASPECTS: tuple[Mapping[str, tuple[str, str]], ...] = (
    {
        "edge": ("background is darker than in", "background is paler than in"),
        "black": ("less of it is black than of", "more of it is black than of"),
        "bright": ("less empty background than in", "more empty background than in"),
    },
    {
        "exposure": ("darker than", "brighter than"),
        "contrast": ("less contrast than in", "more contrast than in"),
        "skew": ("fewer light parts than in", "fewer dark parts than in"),
    },
    {
        "magenta": ("less purple than", "more purple than"),
        "red": ("bluer than", "redder than"),
        "magenta_spread": ("stain differs less within it than in", "stain differs more within it than in"),
        "red_spread": ("fewer colours than in", "more colours than in"),
        "dye": ("dark parts are more stained than in", "dark parts are less stained than in"),
    },
    {
        "fine": ("out of focus: less fine detail than in", "grainier than"),
        "sharp": ("out of focus: softer than", "noisier than"),
        "coarse": ("smoother than", "coarser texture than in"),
    },
)
"""What it means that a figure lies below or above its limits, by what figures tell: background, exposure, colour,
detail. One reason of each is enough."""

_TRAINING = "the training images"

_GREY_PICTURE = "grey: it has no colour"

_GREY_MEAN, _GREY_SPREAD = 0.03, 0.04
"""Greatest mean and spread of the colours of a grey picture, over its mean brightness."""

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
            said.append(f"{below if beyond[farthest] < 0 else above} {_TRAINING}")
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
    means = max(abs(found["magenta"]), abs(found["red"]))
    spreads = max(found["magenta_spread"], found["red_spread"])
    return means <= _GREY_MEAN and spreads <= math.log(_GREY_SPREAD)


def _lengths(lengths: Quantiles) -> str:
    low, _, high = lengths
    return str(low) if low == high else f"{low} to {high}"
