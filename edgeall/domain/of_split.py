"""The domain of a model from the images of its split."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from edgeall.artifact.domain import Domain
from edgeall.domain.describing import Example, describe
from edgeall.errors import DatasetError
from edgeall.pixels import Resize, read_picture
from edgeall.pixels.opening import read_whole
from edgeall.progress import SILENT, Progress
from edgeall.runs import Member, Split

MOST = 400
"""Most images that are described. More take time and change little."""


def domain_of_split(root: Path, split: Split, to: Resize, progress: Progress = SILENT) -> Domain | None:
    """The domain of training and validation images below `root`, at most `MOST` of them, evenly spaced by name.

    Test images have no part in it. None where there are too few images, see `describe`.

    Raises:
        DatasetError: a file is missing or its bytes are not those that its member records.
        ImageError: one cannot be decoded.
    """
    members = sorted((*split.train, *split.val), key=lambda member: member.name)
    if len(members) > MOST:
        members = [members[index * len(members) // MOST] for index in range(MOST)]
    with progress.stage("describing images", len(members)) as advance:

        def examples() -> Iterator[Example]:
            for member in members:
                yield _read(root / member.name, member, to)
                advance(1)

        return describe(examples())


def _read(path: Path, member: Member, to: Resize) -> Example:
    try:
        content = read_whole(path)
    except OSError:
        raise DatasetError(f"{path}: image of the split is missing; make the split again") from None
    if hashlib.sha256(content).hexdigest() != member.sha256:
        raise DatasetError(f"{path}: has changed since the split was made; make the split again")
    return Example(read_picture(content, to), member.label, member.subject)
