"""How the bytes of a picture become a model's input: resizing to a square, then an affine map for each channel.

Every backbone's published preprocessing is an affine map of a byte (x -> scale * x + offset) for each channel. It is
recorded as data (`PixelMapping`) and applied as one 256 x 3 look-up table.
"""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from edgeall.values import dataclass

ByteImage = npt.NDArray[np.uint8]

Fit = Literal["stretch", "crop", "letterbox"]
Filter = Literal["bilinear", "bilinear-no-antialias", "nearest", "bicubic", "lanczos", "box"]
FITS: tuple[Fit, ...] = get_args(Fit)
FILTERS: tuple[Filter, ...] = get_args(Filter)


@dataclass(frozen=True)
class Resize:
    """How a picture of any size becomes a square one.

    Attributes:
        size: height and width of the result, in pixels.
        fit: "stretch" changes the aspect ratio; "crop" takes the largest centred square; "letterbox" adds black
            bars to the shorter sides.
        filter: one of Pillow's antialiased filters; "nearest"; or "bilinear-no-antialias", which reads four neighbours
            at any scale, as `cv2.resize` and `tf.image.resize` do by default.
    """

    size: int
    fit: Fit = "stretch"
    filter: Filter = "bilinear"

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ValueError(f"fit {self.fit!r} is not one of {FITS}")
        if self.filter not in FILTERS:
            raise ValueError(f"filter {self.filter!r} is not one of {FILTERS}")

    @property
    def antialiased(self) -> bool:
        """Whether every pixel of the picture contributes to the result."""
        return self.filter not in ("nearest", "bilinear-no-antialias")


@dataclass(frozen=True)
class PixelMapping:
    """How an RGB byte image becomes a model's input.

    Attributes:
        size: height and width of the input, in pixels.
        channel_order: "RGB", or "BGR" for models trained on OpenCV/Caffe's order. `scale` and `offset`
            are in this order.
        scale: factor a channel.
        offset: addend a channel, after the factor.
        fit, filter: how the picture becomes a square; see `Resize`.
    """

    size: int
    channel_order: Literal["RGB", "BGR"]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    fit: Fit = "stretch"
    filter: Filter = "bilinear"

    @property
    def resize(self) -> Resize:
        """How a picture of any size becomes the input's square."""
        return Resize(self.size, self.fit, self.filter)

    def table(self) -> npt.NDArray[np.float32]:
        """The map as a (256, 3) float32 table, computed in float64; columns in `channel_order`."""
        return np.asarray(self._exact(), dtype=np.float32)

    def quantized_table(self, scale: float, zero_point: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """The map into quantized units: round(x / scale) + zero_point, saturated, as a (256, 3) table of `dtype`."""
        limits = np.iinfo(np.dtype(dtype))
        steps = np.rint(self._exact() / scale) + zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), dtype=dtype)

    def _exact(self) -> npt.NDArray[np.float64]:
        byte = np.arange(256, dtype=np.float64)[:, None]
        table: npt.NDArray[np.float64] = byte * np.asarray(self.scale) + np.asarray(self.offset)
        return table

    def apply(self, images: ByteImage, table: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Map RGB bytes (..., 3) to model input of the same shape, in `channel_order`.

        `table` defaults to the float32 one; pass `quantized_table(...)` for integer inputs.
        """
        lookup = self.table() if table is None else table
        columns = np.ascontiguousarray(lookup.T)
        # `take` with mode="wrap" skips the bounds check that a byte cannot fail.
        if self.channel_order == "RGB" and np.array_equal(columns, columns[[0, 0, 0]]):
            return np.take(columns[0], images, mode="wrap")
        source = (0, 1, 2) if self.channel_order == "RGB" else (2, 1, 0)
        result = np.empty(images.shape, dtype=lookup.dtype)
        for channel, taken in enumerate(source):
            np.take(columns[channel], images[..., taken], out=result[..., channel], mode="wrap")
        return result
