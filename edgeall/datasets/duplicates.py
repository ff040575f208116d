"""Finds images that show the same picture: equal bytes, or re-encoded, resized, brightened, rotated or mirrored.

The measure is the correlation of all horizontal and vertical differences of a 32 x 32 thumbnail. A perceptual hash is
too coarse: for single cells on black (C-NMC) most of its bits are background, and thresholds that find a re-encoded
copy also join different cells.

On 300 C-NMC cells of 8 people, copies at JPEG quality 50, half size or +-20% brightness correlate at .99 or more. Of
different files, 16 pairs correlate at .95 or more, all within one person and apparently the same cell in two
photographs. The highest pair across two people is at .915. A copy cropped by 2% a side (.81 to .92) is not found.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from edgeall.datasets.survey import ImageRecord
from edgeall.progress import SILENT, Progress

NEAR = 0.95
"""Correlation of gradients from which two images count as the same picture."""

_BLOCK = 1024

Pair = tuple[int, int]


def exact_pairs(records: Sequence[ImageRecord]) -> list[Pair]:
    """Indices of images with equal files, each paired with the first of its kind."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(image.sha256, index), index) for index, image in enumerate(records)]
    return [(a, b) for a, b in pairs if a != b]


def near_pairs(records: Sequence[ImageRecord], progress: Progress = SILENT) -> list[Pair]:
    """Indices (a < b) of images that show the same picture in any of its eight rotated or mirrored positions.

    Exact copies are included. Pictures of one flat colour have no gradients and match none.
    """
    if not records:
        return []
    thumbnails = np.stack([image.thumbnail for image in records])
    upright = _gradients(thumbnails)
    pairs: set[Pair] = set()
    starts = range(0, len(records), _BLOCK)
    with progress.stage("Looking for duplicates", len(starts)) as advance:
        for start in starts:
            rest = upright[start:]
            for rotated in _positions(thumbnails[start : start + _BLOCK]):
                # Correlation is symmetric under the group of positions, so each pair needs one order only.
                rows, columns = np.nonzero(_gradients(rotated) @ rest.T >= NEAR)
                near = zip((rows + start).tolist(), (columns + start).tolist(), strict=True)
                pairs.update((a, b) for a, b in near if a < b)
            advance(1)
    return sorted(pairs)


def groups(count: int, pairs: Iterable[Pair]) -> list[list[int]]:
    """Connected components of `count` nodes under `pairs`, single nodes included; sorted, by first member."""
    parent = list(range(count))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    for a, b in pairs:
        # The smaller index stays the root, so that groups are sorted.
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    members: dict[int, list[int]] = {}
    for index in range(count):
        members.setdefault(root(index), []).append(index)
    return list(members.values())


def _positions(thumbnails: npt.NDArray[np.float32]) -> Iterable[npt.NDArray[np.float32]]:
    for mirrored in (thumbnails, thumbnails[:, :, ::-1]):
        for quarters in range(4):
            yield np.rot90(mirrored, quarters, axes=(1, 2))


def _gradients(thumbnails: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Differences of all neighbouring pixels, (n, 1984), normalized to length 1; zero for a flat picture."""
    count = len(thumbnails)
    across = np.diff(thumbnails, axis=2).reshape(count, -1)
    down = np.diff(thumbnails, axis=1).reshape(count, -1)
    vectors = np.concatenate([across, down], axis=1)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, norms, out=vectors, where=norms > 0)
    return vectors
