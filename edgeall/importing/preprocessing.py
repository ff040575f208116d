"""How image bytes become the input of an imported model: named modes, numbers, and the model's own first layers."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from edgeall.errors import ModelError, UsageError
from edgeall.importing.resizing_layers import ModelResizing
from edgeall.pixels import FILTERS, FITS, Filter, Fit, PixelMapping, Resize
from edgeall.suggestions import unknown_name
from edgeall.training import BACKBONES

Order = Literal["RGB", "BGR"]
Name = TypeVar("Name", bound=str)
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of an image outside of the model.

    Attributes:
        scale, offset: of each channel, byte * scale + offset, in the model's channel order.
        fit, filter: how the image is resized first, see `pixels.Resize`.
    """

    name: str
    order: Order
    scale: Triple
    offset: Triple
    fit: Fit = "stretch"
    filter: Filter = "bilinear"

    def __str__(self) -> str:
        default = (self.fit, self.filter) == (Preprocessing.fit, Preprocessing.filter)
        return f"{self.name}, {self.order}" + ("" if default else f", {self.fit}, {self.filter}")

    @property
    def options(self) -> str:
        """The command-line options that select it."""
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
    def unusual_order(self) -> bool:
        """Whether the channel order differs from the published one of the mode."""
        return self.order != (MODES[self.name].order if self.name in MODES else "RGB")

    @property
    def filter_options(self) -> str:
        """The command-line option that selects its filter."""
        return f"--resize-filter {self.filter}"

    def is_close(self, other: "Preprocessing") -> bool:
        """Whether both compute the same, up to rounding of their numbers."""
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
    """Preprocessings to try on labelled images: every mode, and "tf", "unit" and "raw" also in OpenCV's BGR order."""
    reversed_channels = [
        Preprocessing(mode.name, "BGR", mode.scale, mode.offset)
        for mode in MODES.values()
        if mode.name in ("tf", "unit", "raw")
    ]
    return (*MODES.values(), *reversed_channels)


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
    """Reads a mode's name, "scale,offset" for all channels, or three scales and three offsets.

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
            f"--preprocessing {text}: give scale,offset (input = byte * scale + offset), as in 0.00392157,0, "
            "or a scale for each channel and then an offset for each; a scale must not be 0"
        )
    red, green, blue, *offset = numbers
    return Preprocessing(text, _order(order) or "RGB", (red, green, blue), (offset[0], offset[1], offset[2]))


def _order(text: str | None) -> Order | None:
    return None if text is None else "BGR" if text.upper() == "BGR" else "RGB"


@dataclass(frozen=True)
class InModelPreprocessing:
    """Preprocessing in the first layers of a model.

    Attributes:
        channels: index of the input channel that each channel is taken from.
        scale, offset: of each channel, x * scale + offset.
        resize: how the model resizes the image; None where it takes a square of one size.
        bars: values of the letterbox bars that the model adds, in its input range; empty without bars.
    """

    channels: tuple[int, ...] = (0, 1, 2)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    resize: Resize | None = None
    bars: tuple[float, ...] = ()

    def then(self, scale: tuple[float, ...], offset: tuple[float, ...]) -> "InModelPreprocessing":
        """This, followed by x * scale + offset."""
        return replace(
            self,
            scale=tuple(a * b for a, b in zip(self.scale, scale, strict=True)),
            offset=tuple(a * b + c for a, b, c in zip(self.offset, scale, offset, strict=True)),
        )

    def resized(self, resizing: ModelResizing) -> "InModelPreprocessing":
        """This, followed by a resizing. Bars are converted back to the model's input range.

        Raises:
            ValueError: bars are added after a multiplication by 0.
        """
        if resizing.fill is None:
            return replace(self, resize=resizing.resize)
        if 0.0 in self.scale:
            raise ValueError("pads an image that has been multiplied by 0")
        pairs = zip(self.scale, self.offset, strict=True)
        return replace(self, resize=resizing.resize, bars=tuple((resizing.fill - b) / a for a, b in pairs))

    def select(self, indices: tuple[int, ...]) -> "InModelPreprocessing":
        """The channels at `indices`, in that order."""

        def selected(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in indices) if values else ()

        return InModelPreprocessing(
            selected(self.channels),
            selected(self.scale),
            selected(self.offset),
            self.resize,
            selected(self.bars),
        )

    @staticmethod
    def concatenate(parts: "list[InModelPreprocessing]") -> "InModelPreprocessing":
        """The channels of all `parts`, which come from one image resized in one way."""
        channels, scale, offset, bars = (
            tuple(value for part in parts for value in getattr(part, key))
            for key in ("channels", "scale", "offset", "bars")
        )
        return replace(parts[0], channels=channels, scale=scale, offset=offset, bars=bars)

    def has_black_bars(self, given: Preprocessing) -> bool:
        """Whether the bars that the model adds equal black pixels preprocessed by `given`. True without bars."""
        return all(
            math.isclose(given.offset[channel], bar, abs_tol=1e-4)
            for channel, bar in zip(self.channels, self.bars, strict=False)
        )


def mapping(given: Preprocessing, in_model: InModelPreprocessing, size: int) -> PixelMapping:
    """One pixel mapping that computes `given` and then `in_model`.

    Raises:
        ModelError: channels end up in an order that is neither RGB nor BGR, or the model adds bars that are not black.
    """
    order = given.order if in_model.channels == (0, 1, 2) else "BGR" if given.order == "RGB" else "RGB"
    if in_model.channels not in ((0, 1, 2), (2, 1, 0)):
        raise ModelError(
            f"the model takes its input's channels in the order {in_model.channels}; edgeall has RGB and BGR"
        )
    if not in_model.has_black_bars(given):
        raise ModelError(
            f"the model's Resizing adds bars that are not black in images preprocessed as {given}; edgeall adds black "
            "bars: put the Resizing before the layers that scale pixels, with fill_value=0, and save the model again"
        )
    scale = [given.scale[channel] for channel in in_model.channels]
    offset = [given.offset[channel] for channel in in_model.channels]
    joined = InModelPreprocessing((0, 1, 2), tuple(scale), tuple(offset)).then(
        in_model.scale, in_model.offset
    )
    resize = in_model.resize or Resize(size, given.fit, given.filter)
    return PixelMapping(size, order, _three(joined.scale), _three(joined.offset), resize.fit, resize.filter)


def _three(values: tuple[float, ...]) -> Triple:
    first, second, third = values
    return first, second, third
