"""Finds the stored value of full brightness, by one rule for grey and for colour.

With 1 to 14 bits a value, the depth defines it. With 16 or 32 bits it does not, because cameras store 10, 12 or 14 bits
in 16, and programs store bytes there. Full brightness is then the end of the narrowest usual depth that covers every
value of the picture and the file's declaration. Where that is not the whole depth, a note is added, because the same
values can be an under-exposed picture of the whole depth.

A file's declaration can only widen the scale: in TIFF 6.0 (p. 36) MaxSampleValue is the greatest value used, which can
be that of one picture. PNG's sBIT (section 11.3.2.4 of the specification) and OME's SignificantBits count bits.
"""

from typing import Literal

from edgeall.pixels.refusal import RefusedImage
from edgeall.values import dataclass

Kind = Literal["unsigned", "signed", "float"]

_USUAL = (8, 10, 12, 14, 16)
"""Bits of the analogue-to-digital converters and files of microscope cameras."""

_FAINTEST = 16
"""The scale is unknown where all values are below 1/16 of the only possible scale. Usual depths are closer together, so
that this concerns 32 bits only."""


@dataclass(frozen=True)
class SampleDepth:
    """How a file stores its values."""

    kind: Kind
    bits: int

    @property
    def limit(self) -> int:
        """The greatest value of an integer depth."""
        return (1 << self.bits - (self.kind == "signed")) - 1

    @property
    def certain(self) -> bool:
        """Whether the depth alone defines full brightness."""
        return self.kind == "unsigned" and self.bits < 16


@dataclass(frozen=True)
class Scale:
    """The stored value of full brightness, and a note where the depth does not define it."""

    full: float
    note: str = ""


def full_scale(depth: SampleDepth, peak: float, declared: float | None = None) -> Scale:
    """The scale of a picture whose greatest colour value is `peak`.

    Args:
        declared: the greatest value that the file declares, if any.

    Raises:
        RefusedImage: no usual scale fits the values.
    """
    if depth.certain:
        return Scale(depth.limit)
    if depth.kind == "float":
        return _of_floats(max(peak, declared or 0.0), peak)
    held = max(peak, min(declared or 0, depth.limit))
    bits = next((bits for bits in _USUAL if held < 2**bits and 2**bits <= depth.limit), None)
    if bits is None:
        if held * _FAINTEST < depth.limit:
            raise RefusedImage(f"its values end at {peak:.0f} of {depth.limit}, the scale of no usual camera")
        return Scale(depth.limit)
    word = ", as the file declares" if declared is not None and held == declared else ""
    return Scale(2**bits - 1, f"values end at {peak:.0f}: taken as {bits} of {depth.bits} bits{word}")


def _of_floats(held: float, peak: float) -> Scale:
    full = next((full for full in (1, *(2**bits - 1 for bits in _USUAL)) if held <= full), None)
    if full is None:
        raise RefusedImage(f"its floating-point values end at {peak:.6g}, the scale of no usual camera")
    return Scale(full, f"floating-point values end at {peak:.4g}: taken as 0 to {full}")
