"""Which stored value is full brightness."""

import numpy as np
import pytest
from smear_files import error, read, smear
from tiff_files import Page, tiff

from edgeall.errors import ImageError
from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.scale import SampleDepth, full_scale

U16, U32 = SampleDepth("unsigned", 16), SampleDepth("unsigned", 32)


@pytest.mark.parametrize(
    ("depth", "peak", "declared", "full", "note"),
    [
        (SampleDepth("unsigned", 8), 3, None, 255, ""),
        (SampleDepth("unsigned", 12), 200, None, 4095, ""),
        (U16, 0, None, 255, "values end at 0: taken as 8 of 16 bits"),
        (U16, 255, None, 255, "values end at 255: taken as 8 of 16 bits"),
        (U16, 256, None, 1023, "values end at 256: taken as 10 of 16 bits"),
        (U16, 4000, None, 4095, "values end at 4000: taken as 12 of 16 bits"),
        (U16, 4096, None, 16383, "values end at 4096: taken as 14 of 16 bits"),
        (U16, 16384, None, 65535, ""),
        # What the file declares widens the scale and never narrows it.
        (U16, 900, 4095, 4095, "values end at 900: taken as 12 of 16 bits, as the file declares"),
        (U16, 900, 65535, 65535, ""),
        (U16, 5000, 4095, 16383, "values end at 5000: taken as 14 of 16 bits"),
        # A greatest value that was used is no scale.
        (U16, 3000, 3000, 4095, "values end at 3000: taken as 12 of 16 bits, as the file declares"),
        (U32, 2**31 + 5, None, 2**32 - 1, ""),
        (U32, 4000, None, 4095, "values end at 4000: taken as 12 of 32 bits"),
        (SampleDepth("signed", 16), 30000, None, 32767, ""),
        (SampleDepth("float", 32), 0.5, None, 1, "floating-point values end at 0.5: taken as 0 to 1"),
        (
            SampleDepth("float", 32),
            4000.5,
            None,
            4095,
            "floating-point values end at 4000: taken as 0 to 4095",
        ),
    ],
)
def test_full_brightness_is_the_narrowest_usual_depth_that_holds_the_values(
    depth: SampleDepth, peak: float, declared: float | None, full: float, note: str
) -> None:
    found = full_scale(depth, peak, declared)
    assert (found.full, found.note) == (full, note)


@pytest.mark.parametrize(("depth", "peak"), [(U32, 100_000), (SampleDepth("float", 32), 1e6)])
def test_values_far_from_every_usual_scale_are_refused(depth: SampleDepth, peak: float) -> None:
    with pytest.raises(RefusedImage, match=r"the scale of no usual camera; save it as 8-bit RGB TIFF or PNG"):
        full_scale(depth, peak)


def test_values_that_begin_below_black_are_refused() -> None:
    with pytest.raises(ImageError, match=r"its values begin at -0\.4, below black"):
        read(tiff(Page(np.full((8, 8, 1), -0.4, np.float32), 1)))
    with pytest.raises(ImageError, match="its values begin at -5000, below black"):
        read(tiff(Page(np.full((8, 8, 1), -5000, np.int16), 1)))


def test_the_scale_is_that_of_the_whole_picture_and_not_of_its_first_rows() -> None:
    # Rows of a few thousand pixels make several bands.
    values = np.full((900, 1200, 3), 700, np.uint16)
    values[800:] = 60000
    found = read(tiff(Page(values, 2, 16, rows=10)))
    assert found.notes == ()
    assert (found.pixels[0] == 3).all()
    assert (found.pixels[-1] == 233).all()


def test_a_value_that_is_no_number_is_black_and_told() -> None:
    values = np.full((8, 8, 1), 0.5, np.float32)
    values[:4] = np.nan
    found = read(tiff(Page(values, 1)))
    assert found.notes == (
        "floating-point values end at 0.5: taken as 0 to 1",
        "32 values are not numbers: taken as black",
    )
    assert (found.pixels[0] == 0).all()


def test_an_eight_bit_picture_has_no_notes() -> None:
    found = read(tiff(Page(smear(), 2)))
    assert found.notes == ()
    assert found.size == (37, 29)
    assert error(found, smear()) == 0
