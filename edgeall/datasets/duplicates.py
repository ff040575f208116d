"""Finds images that show the same picture: equal bytes, or re-encoded, resized, brightened, rotated or mirrored.

The measure is the correlation of all horizontal and vertical differences of a 32 x 32 thumbnail. A perceptual hash is
too coarse: for single cells on black (C-NMC) most of its bits are background, and thresholds that find a re-encoded
copy also join different cells.

On 300 C-NMC cells of 8 people, copies at JPEG quality 50, half size or +-20% brightness correlate at .99 or more. Of
different files, 16 pairs correlate at .95 or more, all within one person and apparently the same cell in two
photographs. The highest pair across two people is at .915. A copy cropped by 2% a side (.81 to .92) is not found.

All pairs are compared, most of them by a bound of their correlation in all eight positions. It is the product of two
vectors, so that a matrix product gives those of many pairs. Their principal components give a wider bound by vectors a
tenth as long, which excludes all but 4 in 100,000 pairs of drawn smears.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from edgeall.datasets.survey import THUMBNAIL, ImageRecord
from edgeall.progress import SILENT, Progress

NEAR = 0.95
"""Correlation of gradients from which two images count as the same picture."""

_BLOCK = 2048
"""Images on each side of a matrix of bounds, which takes 16 MB."""

_AT_ONCE = 4096
"""Pairs whose correlations are computed at once, in 70 MB."""

_MANY = 0.002
"""Share of pairs above which the closer bound costs less than their correlations."""

_SLACK = 1e-3
"""Allowance for rounding in float32, of bounds of vectors of length 1."""

Floats = npt.NDArray[np.float32]
Pair = tuple[int, int]


def exact_pairs(records: Sequence[ImageRecord]) -> list[Pair]:
    """Indices of images with equal files, each paired with the first of its kind."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(image.sha256, index), index) for index, image in enumerate(records)]
    return [(a, b) for a, b in pairs if a != b]


def near_pairs(records: Sequence[ImageRecord], progress: Progress = SILENT) -> list[Pair]:
    """Indices (a < b) that join images of the same picture, in any of its eight rotated or mirrored positions.

    There are as few pairs as join them: one less than a group has images. Exact copies are included. Pictures of one
    flat colour have no gradients and match none.
    """
    if not records:
        return []
    spectra = np.empty((len(records), THUMBNAIL, THUMBNAIL), np.float32)
    bounds = np.empty((len(records), _BOUND), np.float32)
    joined = _Joined(len(records))
    pairs: list[Pair] = []
    starts = range(0, len(records), _BLOCK)
    for start in starts:
        block = slice(start, start + _BLOCK)
        spectra[block] = _spectra(np.stack([image.thumbnail for image in records[block]]))
        bounds[block] = _bounds(spectra[block])
    # Of few images, the components cost more than they save.
    wide = _shortened(bounds) if len(records) > _SAMPLE else bounds
    with progress.stage("Looking for duplicates", len(starts)) as advance:
        for start in starts:
            for other in range(start, len(records), _BLOCK):
                rows, columns = slice(start, start + _BLOCK), slice(other, other + _BLOCK)
                close = wide[rows] @ wide[columns].T >= NEAR - _SLACK
                if np.count_nonzero(close) > _MANY * close.size:
                    close = bounds[rows] @ bounds[columns].T >= NEAR - _SLACK
                # `nonzero` of a matrix takes as long as the product that made it; of a vector a tenth.
                found = np.flatnonzero(np.triu(close, 1) if start == other else close)
                one, two = np.divmod(found, close.shape[1])
                pairs += _near(spectra, bounds, one + start, two + other, joined)
            advance(1)
    return sorted(pairs)


def _near(
    spectra: Floats,
    bounds: Floats,
    one: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    joined: "_Joined",
) -> Iterable[Pair]:
    """Those of the pairs (one, other) that are near and join images which are not joined yet."""
    while len(one):
        apart = joined.group[one] != joined.group[other]
        one, other = one[apart], other[apart]
        now, one = one[:_AT_ONCE], one[_AT_ONCE:]
        then, other = other[:_AT_ONCE], other[_AT_ONCE:]
        close = np.einsum("ij,ij->i", bounds[now], bounds[then]) >= NEAR - _SLACK
        now, then = now[close], then[close]
        near = _correlations(spectra[now], spectra[then]) >= NEAR
        for pair in zip(now[near].tolist(), then[near].tolist(), strict=True):
            if joined.join(*pair):
                yield pair


class _Joined:
    """Groups of indices that grow together.

    Attributes:
        group: of each index, a number.
    """

    def __init__(self, count: int) -> None:
        self.group = np.arange(count)
        self._members = [[index] for index in range(count)]

    def join(self, one: int, other: int) -> bool:
        """Whether they were in two groups, which are now one."""
        small, large = sorted(
            (int(self.group[one]), int(self.group[other])), key=lambda group: len(self._members[group])
        )
        if small == large:
            return False
        # The smaller group takes the number of the larger one, so that an index changes its number a few times at most.
        self.group[self._members[small]] = large
        self._members[large] += self._members[small]
        self._members[small] = []
        return True


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


def _spectra(thumbnails: Floats) -> Floats:
    """Gradients in another basis, (n, 32, 32), of length 1; zero for a flat picture.

    The inner product of two is that of all differences of neighbouring pixels: the cosines of the discrete cosine
    transform (type II) diagonalize these differences (Strang, SIAM Review 41, 1999). Mirroring a picture changes the
    signs of odd columns or of odd rows here, and transposing it transposes its spectrum.
    """
    order = np.arange(THUMBNAIL)
    angles = np.pi / THUMBNAIL * order
    cosines = np.cos(angles[:, None] * (order + 0.5)) * np.sqrt(np.where(order, 2, 1) / THUMBNAIL)[:, None]
    weights = 2 - 2 * np.cos(angles)
    spectra = cosines @ thumbnails @ cosines.T * np.sqrt(weights[:, None] + weights)
    lengths = np.sqrt(np.square(spectra).sum(axis=(1, 2), keepdims=True))
    scales = np.divide(1, lengths, where=lengths > _FLAT, out=np.zeros_like(lengths))
    return np.asarray(spectra * scales, np.float32)


_FLAT = 1e-6
"""Length of a spectrum up to which a picture is flat: what rounding in float64 leaves of 255 is shorter."""

_BOUND, _COMPONENTS = 768, 64
"""Entries of a vector of `_bounds`, and principal components that `_shortened` keeps of it."""

_SAMPLE, _ITERATIONS = 2048, 4
"""Images whose principal components are used for all, and steps that find them."""


def _bounds(spectra: Floats) -> Floats:
    """Vectors (n, 768), of length 1; the product of two is at least the correlation in any of the eight positions.

    A mirrored or rotated picture has the same spectrum but for signs, and for an exchange of row and column. What stays
    as it is, is an entry; of what changes its sign, or turns in a plane, the length is.
    """
    row, column = np.triu_indices(THUMBNAIL, 1)
    upper, lower = spectra[:, row, column], spectra[:, column, row]
    even = (row % 2 == 0) & (column % 2 == 0)
    mixed = (row + column) % 2 == 1
    odd = ~(even | mixed)
    both, difference = (upper + lower) * _HALF, np.abs(upper - lower) * _HALF
    diagonal = np.arange(THUMBNAIL)
    middle = spectra[:, diagonal, diagonal]
    signed = (both[:, even], middle[:, ::2])
    lengths = (
        *(difference[:, even], np.abs(both[:, odd]), difference[:, odd]),
        *(np.hypot(upper[:, mixed], lower[:, mixed]), np.abs(middle[:, 1::2])),
    )
    return np.concatenate([*signed, *lengths], axis=1)


_HALF = np.float32(math.sqrt(0.5))


def _shortened(bounds: Floats) -> Floats:
    """Vectors (n, 65): about the principal components of the vectors of `_bounds`, and the length of what is left.

    Their products are at least those of `_bounds`, by the inequality of Cauchy and Schwarz, whatever the components.
    Subspace iteration finds them (Halko, Martinsson, Tropp, SIAM Review 53, 2011), in a tenth of the time of all
    eigenvectors.
    """
    sample = bounds[:: max(1, len(bounds) // _SAMPLE)]
    basis = np.random.default_rng(0).normal(size=(_BOUND, _COMPONENTS)).astype(np.float32)
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(sample.T @ (sample @ basis))
    components = bounds @ basis
    left = np.square(bounds).sum(axis=1) - np.square(components).sum(axis=1)
    return np.concatenate([components, np.sqrt(np.maximum(left, 0))[:, None]], axis=1)


_SIGNS = np.array([[1, 1], [1, -1]], np.float32)
"""Of even and odd rows or columns: as it is, and mirrored."""


def _correlations(one: Floats, other: Floats) -> Floats:
    """The greatest inner product of spectra (n, 32, 32) over the eight positions of the other, (n,)."""
    best = np.full(len(one), -1, np.float32)
    for turned in (other, other.transpose(0, 2, 1)):
        parts = (one * turned).reshape(-1, THUMBNAIL // 2, 2, THUMBNAIL // 2, 2).sum(axis=(1, 3))
        np.maximum(best, (_SIGNS @ parts @ _SIGNS).max(axis=(1, 2)), out=best)
    return best
