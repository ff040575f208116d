"""Resizes an RGB picture of any size to a square.

Conventions, which differ between programs: pixel i covers [i, i + 1), and the square's pixels divide the source region
evenly ("half-pixel centres"). Antialiased filters are Pillow's. "bilinear-no-antialias" is
`tf.image.resize(method="bilinear")` and `cv2.resize`. "nearest" is `tf.image.resize(method="nearest")` of TensorFlow 2
and Pillow's (Keras' `load_img`), computed in integers: where a centre lies between two pixels, the later one is read,
while Pillow and TensorFlow read either by floating-point rounding. TensorFlow 1's `resize_nearest_neighbor`, which
starts at corners instead of centres, is not available. "crop" and "letterbox" are `keras.layers.Resizing` with
`crop_to_aspect_ratio` and `pad_to_aspect_ratio`.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels.mapping import ByteImage, Filter, Resize
from edgeall.values import dataclass

_RESAMPLING: dict[Filter, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


_SUPPORT: dict[Filter, int] = {"bilinear": 1, "bicubic": 2, "lanczos": 3, "box": 1}
"""Pixels on each side that a filter reads, in pixels of the picture or the square, whichever are larger."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels of a picture; black outside of the picture."""


def resized(image: Image.Image, to: Resize) -> Image.Image:
    """`image`, mode RGB, as a picture of `to.size` x `to.size` pixels."""
    box = region(image.size, to)
    if not to.antialiased:
        taken = sampled_indices(image.size, to)
        pixels = np.asarray(image)[taken.down.needed][:, taken.across.needed]
        return Image.fromarray(sampled(pixels, taken))
    if to.fit == "letterbox":
        # The longer side first, so that bars are added to few pixels only.
        if image.height > image.width:
            return filtered_across(filtered_down(image, box, to), box, to)
        return filtered_down(filtered_across(image, box, to), box, to)
    # Pillow's filters read beyond a box, so the picture is cropped first.
    part = image if box == (0, 0, *image.size) else image.crop(box)
    return part.resize((to.size, to.size), _RESAMPLING[to.filter])


def region(size: tuple[int, int], to: Resize) -> Box:
    """The part of a picture of this width and height that becomes the square. It exceeds the picture by the bars."""
    width, height = size
    if to.fit == "stretch":
        return (0, 0, width, height)
    if to.fit == "crop":
        side = min(size)
        left, top = (width - side) // 2, (height - side) // 2
    else:
        side = max(size)
        left, top = -((side - width) // 2), -((side - height) // 2)
    return (left, top, left + side, top + side)


def filtered_across(rows: Image.Image, box: Box, to: Resize) -> Image.Image:
    """Some rows of a picture, mode RGB, filtered to `to.size` columns.

    This and then `filtered_down` is what Pillow's `resize` does for wide pictures, so that a picture can be processed
    in bands of rows. For high ones Pillow filters down first, with other rounding (1 of 255 for bilinear).

    Args:
        box: of the whole picture; see `region`.
    """
    return _filtered(rows, 0, box[0], box[2], to)


def filtered_down(rows: Image.Image, box: Box, to: Resize) -> Image.Image:
    """All rows of a picture that are in its `box`, filtered across, to the square."""
    top = min(box[1], 0)
    return _filtered(rows, 1, top, top + box[3] - box[1], to)


def _filtered(image: Image.Image, axis: int, start: int, stop: int, to: Resize) -> Image.Image:
    """`image` from `start` to `stop` along one axis (0: across, 1: down), filtered to `to.size` pixels; black outside.

    Letterbox bars wider than the picture are created only as far as the filter reads them.
    """

    def sized(length: int) -> tuple[int, int]:
        return (length, image.height) if axis == 0 else (image.width, length)

    def placed(length: int, at: int, part: Image.Image) -> Image.Image:
        whole = Image.new("RGB", sized(length))
        whole.paste(part, (at, 0) if axis == 0 else (0, at))
        return whole

    content, scale = image.size[axis], (stop - start) / to.size
    resampling = _RESAMPLING[to.filter]
    if (start, stop) == (0, content):
        return image.resize(sized(to.size), resampling)
    if start >= 0 or stop - start <= 3 * content:
        # Pillow's filters read beyond a box, so the picture is cropped first.
        return placed(stop - start, -start, image).resize(sized(to.size), resampling)
    # Output pixels that read the picture, and everything else that those read.
    reach = (2 * _SUPPORT[to.filter] + 1) * max(scale, 1.0)
    first = max(0, math.floor((-start - reach) / scale))
    last = min(to.size, math.ceil((content - start + reach) / scale))
    left, right = math.floor(first * scale), min(stop - start, math.ceil(last * scale))
    begin, end = first * scale - left, min(last * scale, right) - left
    box = (begin, 0, end, image.height) if axis == 0 else (0, begin, image.width, end)
    padded = placed(right - left, -start - left, image)
    return placed(to.size, first, padded.resize(sized(last - first), resampling, box))


@dataclass(frozen=True)
class Axis:
    """Pixels that a filter with one or two neighbours reads along one axis.

    Attributes:
        needed: indices of the picture's pixels, ascending.
        first, second: for each pixel of the square, positions of its neighbours in `needed`; -1 in a letterbox bar.
        share: weight of the second neighbour, float32 in 0..1.
    """

    needed: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]


@dataclass(frozen=True)
class SampledIndices:
    """Rows and columns of a picture that are read."""

    down: Axis
    across: Axis


def sampled_indices(size: tuple[int, int], to: Resize) -> SampledIndices:
    """Rows and columns that a filter without antialiasing reads in a picture of this width and height."""
    left, top, right, bottom = region(size, to)
    return SampledIndices(_axis(top, bottom - top, size[1], to), _axis(left, right - left, size[0], to))


def _axis(start: int, taken: int, length: int, to: Resize) -> Axis:
    # Centres in units of 1 / (2 * size) of a pixel: integers, so that there is no rounding.
    centre = (2 * np.arange(to.size, dtype=np.int64) + 1) * taken
    unit = 2 * to.size
    if to.filter == "nearest":
        first = second = centre // unit
        share = np.zeros(to.size, np.float32)
    else:
        below = (centre - to.size) // unit
        share = ((centre - to.size - below * unit) / unit).astype(np.float32)
        first, second = np.clip(below, 0, taken - 1), np.clip(below + 1, 0, taken - 1)
    read = np.concatenate([first, second]) + start
    needed = np.unique(read[(read >= 0) & (read < length)])
    places = np.where((read >= 0) & (read < length), np.searchsorted(needed, read), -1)
    return Axis(needed, places[: to.size], places[to.size :], share)


def sampled(pixels: ByteImage, taken: SampledIndices) -> ByteImage:
    """The square (size, size, 3) from the rows and columns (rows, columns, 3) that `taken` needs."""
    # An index of -1 reads the black row or column that is added at the end.
    framed = np.pad(pixels, ((0, 1), (0, 1), (0, 0)))
    down, across = taken.down, taken.across
    if not (down.share.any() or across.share.any()):
        return np.ascontiguousarray(framed[down.first][:, across.first])
    rows = _between(framed[down.first], framed[down.second], down.share[:, None, None])
    square = _between(rows[:, across.first], rows[:, across.second], across.share[None, :, None])
    return np.rint(square).astype(np.uint8)


def _between(
    first: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    second: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    share: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    start = first.astype(np.float32)
    result: npt.NDArray[np.float32] = start + (second - start) * share
    return result
