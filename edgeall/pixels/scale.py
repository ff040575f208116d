"""Which stored value is full brightness: one rule for grey and for colour.

A file of 1 to 14 bits a value says by its depth where its values end. One of 16 or 32 bits does not: cameras put 10, 12
or 14 bits into 16, and programs put bytes there. Full brightness is then the end of the narrowest usual depth that
holds every value of the picture and what the file declares of itself. Where that is not the whole depth, a note says
so, because the same values may be an under-exposed picture of the whole depth.

What a file declares only ever widens the scale: TIFF 6.0 (p. 36) calls MaxSampleValue the greatest value used, which
may be that of one picture, and PNG's sBIT (section 11.3.2.4 of the specification) and OME's SignificantBits count bits.
"""

from dataclasses import dataclass
from typing import Literal

from edgeall.pixels.refusal import RefusedImage

Kind = Literal["unsigned", "signed", "float"]

_USUAL = (8, 10, 12, 14, 16)
"""Bits of the analogue-to-digital converters and files of microscope cameras."""

_FAINTEST = 16
"""Values that all lie under this share of their only possible scale are of a scale that nobody knows. Usual depths
are less than that apart, so it concerns 32 bits alone."""


@dataclass(frozen=True)
class SampleDepth:
    """How a file stores its values."""

    kind: Kind
    bits: int

    @property
    def limit(self) -> int:
        """The greatest value that fits; of integers."""
        return (1 << self.bits - (self.kind == "signed")) - 1

    @property
    def certain(self) -> bool:
        """Whether the depth alone says where the values end."""
        return self.kind == "unsigned" and self.bits < 16


@dataclass(frozen=True)
class Scale:
    """The stored value of full brightness, and how it was found where the depth does not say it."""

    full: float
    note: str = ""


def full_scale(depth: SampleDepth, peak: float, declared: float | None = None) -> Scale:
    """The scale of a picture whose greatest colour value is `peak`.

    Args:
        declared: the greatest value by the file's own word, where it has one.

    Raises:
        Refused: no usual scale is near the values.
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
