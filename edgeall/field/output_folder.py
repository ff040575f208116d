"""Folders that pictures are written to, and names in them."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeall.errors import FileError, UsageError
from edgeall.field.sources import fixed_part


def output_folder(folder: Path, sources: Sequence[str], *, add: bool = False) -> Path:
    """Make sure that `folder` exists, and that pictures can be added to it.

    Args:
        sources: the inputs of the classification.
        add: to a folder that is not empty.

    Raises:
        UsageError: the folder is not empty, and not `add`; or it lies in a folder that is classified, or holds a
            picture that is.
        FileError: the folder cannot be made.
    """
    try:
        for source in sources:
            _check_apart(folder.resolve(), folder, source)
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise FileError(folder, error.strerror or str(error)) from None
    if taken and not add:
        raise UsageError(f"{folder} is not empty: give another folder, or --overwrite to add to this one")
    return folder


def _check_apart(place: Path, folder: Path, source: str) -> None:
    """Pictures must not be written over what is classified, nor be classified themselves."""
    classified = fixed_part(source).resolve()
    within = classified if classified.is_dir() else classified.parent
    if classified.is_dir() and place.is_relative_to(classified):
        raise UsageError(f"{folder} lies in {source}, which is classified: give another folder")
    if within.is_relative_to(place):
        raise UsageError(f"{folder} holds {source}, which is classified: give another folder")


def names_for(path: Path) -> Iterator[Path]:
    """`path`, then the same with a number, from 2 on, before its suffix."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
