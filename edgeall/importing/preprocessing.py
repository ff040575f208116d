"""How image bytes become the input of a model from elsewhere: named ways, numbers, what the model itself does."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from edgeall.errors import ModelError, UsageError
from edgeall.importing.resizing_layers import Squared
from edgeall.pixels import FILTERS, FITS, Filter, Fit, PixelMapping, Resize
from edgeall.suggestions import unknown_name
from edgeall.training import BACKBONES

Order = Literal["RGB", "BGR"]
Name = TypeVar("Name", bound=str)
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture before the model is given it.

    Attributes:
        scale, offset: of each channel, x * scale + offset, in the order of channels that the model takes.
        fit, filter: how the picture was resized before, see `pixels.Resize`.
    """

    name: str
    order: Order
    scale: Triple
    offset: Triple
    fit: Fit = "stretch"
    filter: Filter = "bilinear"

    def __str__(self) -> str:
        usual = Preprocessing(self.name, self.order, self.scale, self.offset)
        resized = (
            "" if (self.fit, self.filter) == (usual.fit, usual.filter) else f", {self.fit}, {self.filter}"
        )
        return f"{self.name}, {self.order}{resized}"

    @property
    def options(self) -> str:
        """The command line's options for it."""
        return f"--preprocessing {self.name} --channel-order {self.order}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "order": self.order,
            "scale": list(self.scale),
            "offset": list(self.offset),
            "fit": self.fit,
            "filter": self.filter,
        }

    @property
    def turned(self) -> bool:
        """Whether the channels come in another order than the mode is published with."""
        return self.order != (MODES[self.name].order if self.name in MODES else "RGB")

    @property
    def filter_options(self) -> str:
        """The command line's option for its filter."""
        return f"--resize-filter {self.filter}"

    def same_as(self, other: "Preprocessing") -> bool:
        pairs = zip((*self.scale, *self.offset), (*other.scale, *other.offset), strict=True)
        return (self.order, self.fit, self.filter) == (other.order, other.fit, other.filter) and all(
            math.isclose(a, b, abs_tol=1e-6) for a, b in pairs
        )


def _of_keras(mode: str) -> Preprocessing:
    pixels = next(backbone.pixels() for backbone in BACKBONES.values() if backbone.preprocessing == mode)
    return Preprocessing(mode, pixels.channel_order, pixels.scale, pixels.offset)


MODES: dict[str, Preprocessing] = {
    mode.name: mode
    for mode in (
        *map(_of_keras, ("tf", "caffe", "torch")),
        Preprocessing("unit", "RGB", (1 / 255,) * 3, (0.0,) * 3),
        Preprocessing("raw", "RGB", (1.0,) * 3, (0.0,) * 3),
    )
}
"""Keras' three, bytes to 0..1 ("unit"), and bytes as they are ("raw")."""


def candidates() -> tuple[Preprocessing, ...]:
    """What is tried on labelled images: every mode, and those of RGB also as OpenCV's BGR, which torch never meets."""
    turned = [
        Preprocessing(mode.name, "BGR", mode.scale, mode.offset)
        for mode in MODES.values()
        if mode.name in ("tf", "unit", "raw")
    ]
    return (*MODES.values(), *turned)


def parse_fit(text: str) -> Fit:
    """A fit by its name; raises UsageError where there is none of that name."""
    return _named("fit", text, FITS)


def parse_filter(text: str) -> Filter:
    """A resize filter by its name; raises UsageError where there is none of that name."""
    return _named("resize filter", text, FILTERS)


def _named(kind: str, text: str, known: tuple[Name, ...]) -> Name:
    if text.lower() not in known:
        raise unknown_name(kind, text, known)
    return known[known.index(text.lower())]


def parse(text: str, order: str | None = None) -> Preprocessing:
    """A mode's name, "scale,offset" for all channels, or three scales and three offsets.

    Args:
        order: "RGB" or "BGR"; default the mode's own, for numbers RGB.

    Raises:
        UsageError: neither a mode nor such numbers.
    """
    if order is not None and order.upper() not in ("RGB", "BGR"):
        raise UsageError(f"--channel-order {order}: RGB or BGR")
    if "," not in text:
        if text.lower() not in MODES:
            raise unknown_name("preprocessing", text, [*MODES, "scale,offset"])
        named = MODES[text.lower()]
        return Preprocessing(named.name, _order(order) or named.order, named.scale, named.offset)
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 2:
        numbers = [numbers[0]] * 3 + [numbers[1]] * 3
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)) or 0.0 in numbers[:3]:
        raise UsageError(
            f"--preprocessing {text}: numbers are scale,offset (input = byte * scale + offset), as in 0.00392157,0, "
            "or three scales and three offsets, a channel each; a scale is not 0"
        )
    red, green, blue, *offset = numbers
    return Preprocessing(text, _order(order) or "RGB", (red, green, blue), (offset[0], offset[1], offset[2]))


def _order(text: str | None) -> Order | None:
    return None if text is None else "BGR" if text.upper() == "BGR" else "RGB"


@dataclass(frozen=True)
class InModelPreprocessing:
    """What a model does to its input's channels before anything else: taken from channel, scale, offset.

    Attributes:
        resize: how it resizes the picture; None where it takes a square of one size.
        bars: what bars that it adds to the picture are, in the numbers that the model is given; empty without bars.
    """

    channels: tuple[int, ...] = (0, 1, 2)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    resize: Resize | None = None
    bars: tuple[float, ...] = ()

    def then(self, scale: tuple[float, ...], offset: tuple[float, ...]) -> "InModelPreprocessing":
        """This, and then x * scale + offset."""
        return replace(
            self,
            scale=tuple(a * b for a, b in zip(self.scale, scale, strict=True)),
            offset=tuple(a * b + c for a, b, c in zip(self.offset, scale, offset, strict=True)),
        )

    def resized(self, squared: Squared) -> "InModelPreprocessing":
        """This, and then the picture resized, bars in the numbers that this has made of the picture's.

        Raises:
            ValueError: bars are added to what has been multiplied by 0.
        """
        if squared.fill is None:
            return replace(self, resize=squared.resize)
        if 0.0 in self.scale:
            raise ValueError("pads a picture that has been multiplied by 0")
        pairs = zip(self.scale, self.offset, strict=True)
        return replace(self, resize=squared.resize, bars=tuple((squared.fill - b) / a for a, b in pairs))

    def take(self, indices: tuple[int, ...]) -> "InModelPreprocessing":
        """Some of its channels, in another order."""

        def taken(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in indices) if values else ()

        return InModelPreprocessing(
            taken(self.channels), taken(self.scale), taken(self.offset), self.resize, taken(self.bars)
        )

    @staticmethod
    def together(parts: "list[InModelPreprocessing]") -> "InModelPreprocessing":
        """Channels of several, one after the other; all of one picture, resized in one way."""
        channels, scale, offset, bars = (
            tuple(value for part in parts for value in getattr(part, key))
            for key in ("channels", "scale", "offset", "bars")
        )
        return replace(parts[0], channels=channels, scale=scale, offset=offset, bars=bars)

    def admits(self, given: Preprocessing) -> bool:
        """Whether the bars that the model adds are those of a picture with black bars, prepared as `given`."""
        return all(
            math.isclose(given.offset[channel], bar, abs_tol=1e-4)
            for channel, bar in zip(self.channels, self.bars, strict=False)
        )


def mapping(given: Preprocessing, front: InModelPreprocessing, size: int) -> PixelMapping:
    """Both in one: what is done outside of the model, then what it does first itself.

    Raises:
        ModelError: channels end up in an order that is neither RGB nor BGR, or the model adds bars that are not black.
    """
    outer = given.order if front.channels == (0, 1, 2) else "BGR" if given.order == "RGB" else "RGB"
    if front.channels not in ((0, 1, 2), (2, 1, 0)):
        raise ModelError(
            f"the model takes its input's channels in the order {front.channels}; edgeall has RGB and BGR"
        )
    if not front.admits(given):
        raise ModelError(
            f"the model's Resizing adds bars that are not black in pictures prepared as {given}; edgeall adds black "
            "ones: put the Resizing before what scales the pixels, with fill_value=0, and save the model again"
        )
    scale = [given.scale[channel] for channel in front.channels]
    offset = [given.offset[channel] for channel in front.channels]
    joined = InModelPreprocessing((0, 1, 2), tuple(scale), tuple(offset)).then(front.scale, front.offset)
    resize = front.resize or Resize(size, given.fit, given.filter)
    return PixelMapping(size, outer, _three(joined.scale), _three(joined.offset), resize.fit, resize.filter)


def _three(values: tuple[float, ...]) -> Triple:
    first, second, third = values
    return first, second, third
