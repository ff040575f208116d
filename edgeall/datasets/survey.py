"""One pass over the images of a dataset: decodes each once, for splits and censuses."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeall.datasets.dataset import Sample
from edgeall.errors import ImageError
from edgeall.pixels import formats, read_picture
from edgeall.pixels.opening import read_whole
from edgeall.pixels.quality import assess_without_model
from edgeall.progress import SILENT, Progress

THUMBNAIL = 32
_DECODED = 2 * THUMBNAIL
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be read: its name relative to the data folder, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class ImageRecord:
    """Properties of a decoded image.

    Attributes:
        sha256: of the file's bytes.
        size: width and height of the file's image, in pixels.
        format: from the file's first bytes, not its name: one of `edgeall.pixels.formats.READ`.
        thumbnail: luma, float32 (32, 32), 0 to 255, of the image stretched to a square.
        notes: of the image reader, see `edgeall.pixels.Picture`.
        unfit: reasons why `classify` would refuse it.
    """

    sample: Sample
    sha256: str
    size: tuple[int, int]
    format: str
    thumbnail: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()


def survey(
    samples: Sequence[Sample], progress: Progress = SILENT
) -> tuple[tuple[ImageRecord, ...], tuple[Unreadable, ...]]:
    """Decode each image once. Both results are in the order of `samples`."""
    records: list[ImageRecord] = []
    unreadable: list[Unreadable] = []
    workers = min(os.cpu_count() or 1, 8)
    with progress.stage("Reading images", len(samples)) as advance, ThreadPoolExecutor(workers) as pool:
        for outcome in pool.map(_decode, samples):
            if isinstance(outcome, ImageRecord):
                records.append(outcome)
            else:
                unreadable.append(outcome)
            advance(1)
    return tuple(records), tuple(unreadable)


def _decode(sample: Sample) -> ImageRecord | Unreadable:
    try:
        content = read_whole(sample.path)
        format = formats.readable(content, sample.name)
        picture = read_picture(content, _DECODED)
    except (ImageError, OSError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return Unreadable(sample.name, reason.removeprefix(f"{sample.name}: ").removeprefix("the image: "))
    luma = (picture.pixels * _LUMA).sum(axis=2)
    thumbnail = luma.reshape(THUMBNAIL, 2, THUMBNAIL, 2).mean(axis=(1, 3))
    return ImageRecord(
        sample,
        hashlib.sha256(content).hexdigest(),
        picture.size,
        format.name,
        thumbnail,
        picture.notes,
        assess_without_model(picture.pixels, picture.size).reasons,
    )
