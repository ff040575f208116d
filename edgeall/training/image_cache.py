"""Memory-mapped cache of decoded training images, keyed by content.

The cache has one `.npy` file for each set of images and size, under `$XDG_CACHE_HOME/edgeall/pixels`, with its SHA-256
beside it. It can be deleted at any time.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

from edgeall import files, pixels
from edgeall.errors import DatasetError, FileError
from edgeall.pixels import ByteImage
from edgeall.pixels.opening import read_whole
from edgeall.pixels.storing import write_pixels
from edgeall.progress import SILENT, Progress
from edgeall.runs import Member


@dataclass(frozen=True)
class CachedImages:
    """Some images of a cache: row `rows[i]` of `store`, uint8 (m, size, size, 3), is image i."""

    store: ByteImage
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> ByteImage:
        """A copy of the images at `indices`, (n, size, size, 3)."""
        return np.asarray(self.store[self.rows[indices]])

    def pieces(self, size: int = 16) -> Iterator[ByteImage]:
        """All images in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))


class ImageCache:
    """Decoded images of several members, by content."""

    def __init__(self, root: Path, members: Sequence[Member], size: int, progress: Progress = SILENT) -> None:
        """Decode the images of `members` under `root`, unless they are in the cache.

        Raises:
            DatasetError: a file is missing or its bytes are not those that its member records.
            ImageError: one cannot be decoded.
        """
        by_content = {member.sha256: member for member in members}
        digests = sorted(by_content)
        self._row = {digest: row for row, digest in enumerate(digests)}
        path = _folder() / f"{size}-{_key(digests)}.npy"
        store = _open_checked(path, (len(digests), size, size, 3))
        if store is None:
            with progress.stage("decoding images", len(digests)) as advance:

                def decoded(digest: str) -> ByteImage:
                    image = _decode(root, by_content[digest], size)
                    advance(1)
                    return image

                try:
                    store = _write(path, (len(digests), size, size, 3), map(decoded, digests))
                except FileError as error:
                    raise DatasetError(
                        f"{path.parent}: decoded images cannot be written there ({error.reason}); "
                        "make room, or set XDG_CACHE_HOME to a folder that can be written"
                    ) from None
        self._store = store

    def images(self, members: Sequence[Member]) -> CachedImages:
        """The images of `members`, in their order."""
        return CachedImages(
            self._store, np.asarray([self._row[member.sha256] for member in members], np.int64)
        )


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgeall" / "pixels"


def _key(digests: Sequence[str]) -> str:
    """Key of the images and of the decoder's code, since another decoder can give other bytes."""
    modules = sorted(Path(pixels.__file__).parent.glob("*.py"))
    decoder = b"".join(module.read_bytes() for module in modules) + PIL.__version__.encode()
    return hashlib.sha256("".join(digests).encode() + decoder).hexdigest()[:32]


def _decode(root: Path, member: Member, size: int) -> ByteImage:
    path = root / member.name
    try:
        content = read_whole(path)
    except OSError:
        raise DatasetError(f"{path}: image of the split is missing; make the split again") from None
    if hashlib.sha256(content).hexdigest() != member.sha256:
        raise DatasetError(f"{path}: has changed since the split was made; make the split again")
    return pixels.read_image(content, size)


def _open_checked(path: Path, shape: tuple[int, ...]) -> ByteImage | None:
    digest = path.with_suffix(".sha256")
    try:
        if digest.read_text(encoding="ascii").strip() != files.sha256_file(path):
            return None
        store = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    return store if store.shape == shape and store.dtype == np.uint8 else None


def _write(path: Path, shape: tuple[int, ...], images: "map[ByteImage]") -> ByteImage:
    # No flush to disk: after a power failure the SHA-256 does not match, and the images are decoded again.
    with files.replacing(path, flush=False) as part:
        write_pixels(part, shape, images)
        digest = files.sha256_file(part)
    files.write_text(path.with_suffix(".sha256"), digest + "\n")
    store: ByteImage = np.load(path, mmap_mode="r", allow_pickle=False)
    return store
