"""Copies of classified pictures, in one folder for each decision."""

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path

from edgeall.errors import FileError, ImageError, UsageError
from edgeall.field.output_folder import names_for, output_folder
from edgeall.field.sources import STDIN, Found
from edgeall.field.verdict import Outcome
from edgeall.files import replacing


class Copies:
    """Copies pictures to `folder`/DECISION/NAME, where NAME is the picture's path below the folder that was named.

    A name that is taken by another picture gets a number.
    """

    def __init__(self, folder: Path, sources: Sequence[str], *, add: bool = False) -> None:
        """See `output_folder`.

        Raises:
            UsageError: standard input is classified, of which there is no file; or as `output_folder`.
        """
        if STDIN in sources:
            raise UsageError("standard input (-) is no file that can be copied: leave out --copy-to")
        self._folder = output_folder(folder, sources, add=add)

    def add(self, found: Found, decision: Outcome) -> Path:
        """Copy a picture, with its time of modification, and return where. An equal copy that exists is kept.

        Raises:
            FileError: the copy cannot be written.
            ImageError: the picture cannot be read any more.
        """
        source = Path(found.path)
        target = self._folder / decision / found.name
        try:
            for target in names_for(target):  # noqa: B020
                if not target.exists():
                    break
                if target.is_file() and filecmp.cmp(source, target, shallow=False):
                    return target
            with replacing(target, flush=False) as part:
                shutil.copyfile(source, part)
                shutil.copystat(source, part)
        except OSError as error:
            if error.filename == str(source):
                raise ImageError(f"{source}: cannot be copied ({error.strerror})") from None
            raise FileError(target, error.strerror or str(error)) from None
        return target
