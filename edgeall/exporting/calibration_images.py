"""Which images speak for a whole set, and how they reach a converter: selected once, decoded once, streamed."""

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
from edgeall.runs import Member, Run

_FEWEST = 8
_FLAT = 2.0
"""Standard deviation of grey levels below which a picture shows nothing."""


@dataclass(frozen=True)
class GivenImages:
    """Images that a user names for calibration, instead of those a run was trained on. Labels are not known.

    Attributes:
        notes: what below `root` is left out, in words.
    """

    root: Path
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()


def read_folder(root: AnyPath, size: int, option: str = "--calibration") -> GivenImages:
    """All images under `root`, each looked at, for models of `size` x `size` pixels.

    `option`: of the command line, which named the folder; errors begin with it.

    Raises:
        UsageError: fewer than 8 images; one that cannot be read, shows nothing, or is less than half as wide or high
            as the model's input, which stretching would only blur; a folder that cannot be listed. Each is named.
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
                f"{option}: {path} is of one colour all over, and shows a quantizer no ranges: leave it out"
            )
        if 2 * min(width, height) < size:
            raise UsageError(
                f"{option}: {path} has {width} x {height} pixels, too few for a model of {size} x {size}"
            )
    if len(paths) < _FEWEST:
        raise UsageError(
            f"{option} {root}: holds {len(paths)} images; at least {_FEWEST} are needed, 100 are good"
        )
    members = [Member(path.relative_to(root).as_posix(), files.sha256_file(path), "") for path in paths]
    return GivenImages(root, tuple(members), notes)


def select(members: Sequence[Member], count: int, seed: int) -> tuple[Member, ...]:
    """At most `count` members, each label in its share of the whole (but at least once, `count` allowing).

    The order is mixed over the labels, so that any first few speak for all. Same members and seed, same choice.

    Raises:
        ExportError: `members` is empty.
    """
    if not members:
        raise ExportError("there are no images to choose from: the run's split is empty; train it again")
    by_label: dict[str, list[Member]] = defaultdict(list)
    for member in sorted(members, key=lambda member: member.name):
        by_label[member.label].append(member)
    rng = np.random.default_rng(seed)
    ranked: list[tuple[float, str, Member]] = []
    for label in sorted(by_label):
        group = by_label[label]
        for place, index in enumerate(rng.permutation(len(group))):
            # The middle of the place-th of len(group) equal steps: sorting by it interleaves labels by their shares.
            ranked.append(((place + 0.5) / len(group), label, group[index]))
    chosen = [member for _, _, member in sorted(ranked, key=lambda entry: entry[:2])]
    first_of_each = [next(member for member in chosen if member.label == label) for label in sorted(by_label)]
    return tuple(dict.fromkeys([*first_of_each, *chosen]))[:count]


def decode(run: Run, part: str, members: tuple[Member, ...], out: Path, root: Path | None = None) -> None:
    """Write the pixels of some members of a split part to `out`: a .npy of uint8 (n, size, size, 3), whole or absent.

    Raises:
        RunError: an image is missing or is not the one of the split.
        ImageError: an image cannot be decoded.
    """
    chosen: dict[str, Any] = {part: members}
    split = dataclasses.replace(run.split, **chosen)
    paths = dataclasses.replace(run, split=split).images(part, root)
    size = run.pixels.size
    shape = (len(paths), size, size, 3)
    with files.replacing(out) as part_path:
        images = np.lib.format.open_memmap(part_path, mode="w+", dtype=np.uint8, shape=shape)
        for index, path in enumerate(paths):
            images[index] = pixels.read_image(path, run.pixels.resize)
        images.flush()


def decode_given(given: GivenImages, mapping: PixelMapping, out: Path) -> None:
    """As `decode`, of all images that a user named.

    Raises:
        ImageError: an image cannot be decoded any more.
    """
    shape = (len(given.members), mapping.size, mapping.size, 3)
    with files.replacing(out) as part_path:
        images = np.lib.format.open_memmap(part_path, mode="w+", dtype=np.uint8, shape=shape)
        for index, member in enumerate(given.members):
            images[index] = pixels.read_image(given.root / member.name, mapping.resize)
        images.flush()


def stream(images: Path, mapping: PixelMapping) -> Iterator[npt.NDArray[Any]]:
    """Model inputs, float32 (1, size, size, 3), one at a time from what `decode` wrote."""
    for image in np.load(images, mmap_mode="r", allow_pickle=False):
        yield mapping.apply(np.asarray(image)[None])
