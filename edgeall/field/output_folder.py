"""Folders that pictures are written to, and names in them."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeall.errors import FileError, UsageError


def output_folder(folder: Path, sources: Sequence[str], *, add: bool = False) -> Path:
    """Make sure that `folder` exists, and that pictures can be added to it.

    Args:
        sources: the inputs of the classification.
        add: to a folder that is not empty.

    Raises:
        UsageError: the folder is not empty, and not `add`; or it lies in a folder that is classified.
        FileError: the folder cannot be made.
    """
    for source in map(Path, sources):
        if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
            raise UsageError(f"{folder} lies in {source}, which is classified: give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise FileError(folder, error.strerror or str(error)) from None
    if taken and not add:
        raise UsageError(f"{folder} is not empty: give another folder, or --overwrite to add to this one")
    return folder


def names_for(path: Path) -> Iterator[Path]:
    """`path`, then the same with a number, from 2 on, before its suffix."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
