"""Copies of classified pictures, in one folder for each decision."""

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path

from edgeall.errors import FileError, ImageError, UsageError
from edgeall.field.sources import STDIN, Found
from edgeall.field.verdict import OUTCOMES, Outcome
from edgeall.files import replacing


class Copies:
    """Copies pictures to `folder`/DECISION/NAME, where NAME is the picture's path below the folder that was named.

    A name that is taken by another picture gets a number.
    """

    def __init__(self, folder: Path, sources: Sequence[str], *, add: bool = False) -> None:
        """Check that copies can be made.

        Args:
            sources: the inputs of the classification.
            add: to a folder that has copies already.

        Raises:
            UsageError: the folder is not empty, and not `add`; it lies in a folder that is classified; or standard
                input is classified, of which there is no file.
            FileError: the folder cannot be made.
        """
        if STDIN in sources:
            raise UsageError("standard input (-) is no file that can be copied: leave out --copy-to")
        for source in map(Path, sources):
            if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
                raise UsageError(f"{folder} lies in {source}, which is classified: copy to another folder")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = any(folder.iterdir())
        except OSError as error:
            raise FileError(folder, error.strerror or str(error)) from None
        if taken and not add:
            raise UsageError(f"{folder} is not empty: give another folder, or --overwrite to add to this one")
        self._folder = folder

    def add(self, found: Found, decision: Outcome) -> Path:
        """Copy a picture, with its time of modification, and return where. An equal copy that exists is kept.

        Raises:
            FileError: the copy cannot be written.
            ImageError: the picture cannot be read any more.
        """
        source, place = Path(found.path), self._folder / decision / found.name
        assert decision in OUTCOMES
        target, number = place, 1
        while target.exists():
            if target.is_file() and filecmp.cmp(source, target, shallow=False):
                return target
            number += 1
            target = place.with_name(f"{place.stem}-{number}{place.suffix}")
        try:
            with replacing(target, flush=False) as part:
                shutil.copyfile(source, part)
                shutil.copystat(source, part)
        except OSError as error:
            if error.filename == str(source):
                raise ImageError(f"{source}: cannot be copied ({error.strerror})") from None
            raise FileError(target, error.strerror or str(error)) from None
        return target
