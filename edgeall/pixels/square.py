"""An RGB picture of any size to a square one.

Conventions, which programs differ in: pixel i covers [i, i + 1), and the square's pixels are laid evenly over what is
taken of the picture ("half-pixel centres"). Antialiased filters are Pillow's. "bilinear-no-antialias" is
`tf.image.resize(method="bilinear")` and `cv2.resize`; "nearest" is `tf.image.resize(method="nearest")` of TensorFlow 2
and Pillow's (Keras' `load_img`), worked out in whole numbers: where a centre falls between two pixels, the later one is
taken, while Pillow's and TensorFlow's floating-point steps take either. TensorFlow 1's `resize_nearest_neighbor`, which
starts at corners instead of centres, is not offered. "crop" and "letterbox" are `keras.layers.Resizing` with
`crop_to_aspect_ratio` and `pad_to_aspect_ratio`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels.mapping import ByteImage, Filter, Resize

_RESAMPLING: dict[Filter, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}

_MOST_BARS = 16
"""Of a letterbox: a side with its bars is at most so many times the square's size before it is filtered."""


def resized(
    image: Image.Image,
    to: Resize,
    size: tuple[int, int] | None = None,
    blocks: tuple[int, int] = (1, 1),
) -> Image.Image:
    """`image`, mode RGB, as a picture of `to.size` x `to.size` pixels.

    Args:
        size, blocks: of a picture that was reduced for an antialiased filter, and to the part that its fit takes: its
            width and height before, and how many pixels across and down became one. The last blocks may be smaller.
            A letterbox is reduced along its longer side alone.
    """
    if not to.antialiased:
        taken = picks(image.size, to)
        pixels = np.asarray(image)[taken.down.needed][:, taken.across.needed]
        return Image.fromarray(sampled(pixels, taken))
    if to.fit == "letterbox":
        return _letterboxed(image, to, size or image.size, blocks)
    if size is not None:
        box = (0, 0, size[0] / blocks[0], size[1] / blocks[1])
        return image.resize((to.size, to.size), _RESAMPLING[to.filter], box)
    taken_box = region(image.size, to)
    # Pillow's filters read beyond a box, so what lies outside is cut off first.
    part = image if taken_box == (0, 0, *image.size) else image.crop(taken_box)
    return part.resize((to.size, to.size), _RESAMPLING[to.filter])


def region(size: tuple[int, int], to: Resize) -> tuple[int, int, int, int]:
    """What is taken of a picture of this width and height: left, top, right, bottom."""
    width, height = size
    if to.fit != "crop":
        return (0, 0, width, height)
    short = min(size)
    left, top = (width - short) // 2, (height - short) // 2
    return (left, top, left + short, top + short)


def _letterboxed(
    image: Image.Image, to: Resize, size: tuple[int, int], blocks: tuple[int, int]
) -> Image.Image:
    """The longer side is filtered first, then bars are put on the shorter one.

    With its bars a panorama of 100 000 x 100 pixels would have 10 000 million. Filtered to 224 columns it has 22
    million, and less where blocks of rows become one first.
    """
    width, height = size
    if height > width:
        turned = image.transpose(Image.Transpose.TRANSPOSE)
        square = _letterboxed(turned, to, (height, width), (blocks[1], blocks[0]))
        return square.transpose(Image.Transpose.TRANSPOSE)
    resampling = _RESAMPLING[to.filter]
    content = image.resize((to.size, height), resampling, (0, 0, width / blocks[0], height))
    bar = (width - height) // 2
    rows = max(1, width // (_MOST_BARS * to.size))
    if rows > 1:
        bar, within = divmod(bar, rows)
        aligned = Image.new("RGB", (to.size, -(-(within + height) // rows) * rows))
        aligned.paste(content, (0, within))
        content = aligned.reduce((1, rows))
    padded = Image.new("RGB", (to.size, -(-width // rows)))
    padded.paste(content, (0, bar))
    return padded.resize((to.size, to.size), resampling, (0, 0, to.size, width / rows))


@dataclass(frozen=True)
class Axis:
    """What filters that read one or two neighbours read along one side.

    Attributes:
        needed: pixels of the picture, ascending.
        first, second: for each of the square's pixels, its neighbours' places in `needed`; -1 in a letterbox's bar.
        share: of the second neighbour, float32.
    """

    needed: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Picks:
    """What is read of a picture, by rows and by columns."""

    down: Axis
    across: Axis


def picks(size: tuple[int, int], to: Resize) -> Picks:
    """What a filter that is not antialiased reads of a picture of this width and height."""
    left, top, right, bottom = region(size, to)
    longer = max(size) if to.fit == "letterbox" else 0
    return Picks(
        _axis(top, bottom - top, size[1], longer, to),
        _axis(left, right - left, size[0], longer, to),
    )


def _axis(start: int, taken: int, length: int, longer: int, to: Resize) -> Axis:
    if longer:
        start, taken = -((longer - length) // 2), longer
    # Centres in units of 1 / (2 * size) of a pixel: whole numbers, so that nothing is rounded.
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


def sampled(pixels: ByteImage, taken: Picks) -> ByteImage:
    """The square (size, size, 3) from the rows and columns (rows, columns, 3) that `taken` needs."""
    # A black row and column behind the others is what -1 finds.
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
