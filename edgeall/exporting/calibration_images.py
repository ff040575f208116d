"""Representative images for calibration and parity: selected, decoded once, and streamed to converters."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall import files, pixels
from edgeall.errors import ExportError, ImageError, UsageError
from edgeall.files import AnyPath
from edgeall.pixels import PixelMapping
from edgeall.pixels.folder import LeftOut, PictureFile, UnreadableFolder, in_words, list_folder
from edgeall.pixels.formats import READ
from edgeall.pixels.storing import write_pixels
from edgeall.runs import Member, Run

_FEWEST = 8
_FLAT = 2.0
"""Standard deviation of bytes below which a picture counts as uniform."""


@dataclass(frozen=True)
class GivenImages:
    """Unlabelled images in a folder of the user.

    Attributes:
        notes: messages about files below `root` that are left out.
    """

    root: Path
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()


def read_folder(root: AnyPath, size: int, option: str = "--calibration") -> GivenImages:
    """All images under `root`, after checks of each, for models of `size` x `size` pixels.

    `option`: the command-line option that named the folder; errors begin with it.

    Raises:
        UsageError: there are fewer than 8 images; an image cannot be read, is uniform, or is less than half as wide or
            high as the model's input; or a folder cannot be listed. The message names the file.
    """
    root = Path(root)
    if not root.is_dir():
        raise UsageError(f"{option} {root}: no such folder")
    listed = list(list_folder(root))
    for found in listed:
        if isinstance(found, UnreadableFolder):
            raise UsageError(f"{option}: {found.path}: cannot be listed ({found.error})")
    paths = sorted(found.path for found in listed if isinstance(found, PictureFile))
    notes = in_words((found for found in listed if isinstance(found, LeftOut)), root)
    if not paths:
        others = "".join(f"; {line}" for line in notes)
        raise UsageError(f"{option} {root}: holds no images ({', '.join(READ)}){others}")
    for path in paths:
        try:
            image, (width, height) = pixels.read_image_with_size(path, size)
        except ImageError as error:
            raise UsageError(f"{option}: {error}") from None
        if image.std() < _FLAT:
            raise UsageError(
                f"{option}: {path} has one colour everywhere, and gives no activation ranges: remove it"
            )
        if 2 * min(width, height) < size:
            raise UsageError(
                f"{option}: {path} has {width} x {height} pixels, too few for a model of {size} x {size}"
            )
    if len(paths) < _FEWEST:
        raise UsageError(
            f"{option} {root}: holds {len(paths)} images; at least {_FEWEST} are needed, 100 recommended"
        )
    members = [Member(path.relative_to(root).as_posix(), files.sha256_file(path), "") for path in paths]
    return GivenImages(root, tuple(members), notes)


def select(members: Sequence[Member], count: int, seed: int) -> tuple[Member, ...]:
    """A stratified sample of at most `count` members, with every label at least once where `count` allows.

    Labels are interleaved, so that any first few are representative. The same members and seed give the same sample.

    Raises:
        ExportError: `members` is empty.
    """
    if not members:
        raise ExportError("there are no images to select from: the run's split is empty; train it again")
    by_label: dict[str, list[Member]] = defaultdict(list)
    for member in sorted(members, key=lambda member: member.name):
        by_label[member.label].append(member)
    rng = np.random.default_rng(seed)
    ranked: list[tuple[float, str, Member]] = []
    for label in sorted(by_label):
        group = by_label[label]
        for place, index in enumerate(rng.permutation(len(group))):
            # The middle of the place-th of len(group) equal steps. Sorting by it interleaves labels by their shares.
            ranked.append(((place + 0.5) / len(group), label, group[index]))
    chosen = [member for _, _, member in sorted(ranked, key=lambda entry: entry[:2])]
    first_of_each = [next(member for member in chosen if member.label == label) for label in sorted(by_label)]
    return tuple(dict.fromkeys([*first_of_each, *chosen]))[:count]


def decode(run: Run, part: str, members: tuple[Member, ...], out: Path, root: Path | None = None) -> None:
    """Write the pixels of members of a split part to `out`, a .npy of uint8 (n, size, size, 3), atomically.

    Raises:
        RunError: an image is missing, or its content is not that of the split.
        ImageError: an image cannot be decoded.
        FileError: it cannot be written, on a full disk for example.
    """
    chosen: dict[str, Any] = {part: members}
    split = dataclasses.replace(run.split, **chosen)
    paths = dataclasses.replace(run, split=split).images(part, root)
    size = run.pixels.size
    shape = (len(paths), size, size, 3)
    with files.replacing(out) as part_path:
        write_pixels(part_path, shape, (pixels.read_image(path, run.pixels.resize) for path in paths))


def decode_given(given: GivenImages, mapping: PixelMapping, out: Path) -> None:
    """As `decode`, for all images of the user's folder.

    Raises:
        ImageError: an image cannot be decoded.
    """
    shape = (len(given.members), mapping.size, mapping.size, 3)
    with files.replacing(out) as part_path:
        paths = (given.root / member.name for member in given.members)
        write_pixels(part_path, shape, (pixels.read_image(path, mapping.resize) for path in paths))


def stream(images: Path, mapping: PixelMapping) -> Iterator[npt.NDArray[Any]]:
    """Model inputs, float32 (1, size, size, 3), one at a time from a file that `decode` wrote."""
    for image in np.load(images, mmap_mode="r", allow_pickle=False):
        yield mapping.apply(np.asarray(image)[None])
