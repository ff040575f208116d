"""Pictures that a command line names: files, folders, patterns and standard input."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import field
from pathlib import Path

from edgeall.field.answers import Failed
from edgeall.pixels.folder import (
    NOT_AN_IMAGE,
    LeftOut,
    PictureFile,
    in_words,
    list_folder,
    looks_like_a_picture,
)
from edgeall.pixels.formats import READ
from edgeall.values import dataclass

STDIN = "-"
"""Names standard input among paths."""

MAX_STDIN_BYTES = 256 << 20
"""Most bytes of an image on standard input, which is held in memory. Files are read in parts, and can be larger."""

_MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Found:
    """A picture to classify.

    Attributes:
        path: of the file; "-" for standard input.
        name: its path below the folder that was named, with "/"; the file's name where the file itself was named.
        content: of standard input, and of files that were read already; None for files that were not.
    """

    path: str
    name: str
    content: bytes | None = field(default=None, repr=False)


def find_images(names: Iterable[str]) -> Iterator[Found | Failed | LeftOut]:
    """The named images, and images in named folders; files that `list_folder` leaves out.

    A name that does not exist and holds `*`, `?` or `[` is a pattern ("**" stands for any folders), because shells do
    not expand quoted patterns, and some none.
    """
    for name in names:
        # Not those of `Path`, which raise an error for a name that is too long, or in a folder that is closed.
        if name == STDIN:
            yield _standard_input()
        elif os.path.isdir(name):  # noqa: PTH112
            yield from _below(Path(name))
        elif _MAGIC.intersection(name) and not os.path.exists(name):  # noqa: PTH110
            yield from _matching(name)
        else:
            yield Found(name, Path(name).name)


def _standard_input() -> Found | Failed:
    """Read where pictures are listed, and not in a thread, which Ctrl-C could not end."""
    try:
        content = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    except OSError as error:
        return Failed(STDIN, f"standard input cannot be read ({error.strerror or error})")
    if len(content) > MAX_STDIN_BYTES:
        return Failed(
            STDIN,
            f"standard input has more than {MAX_STDIN_BYTES >> 20} MiB: save the image to a file and name that",
        )
    if not content:
        return Failed(STDIN, "standard input is empty: pipe an image into it")
    return Found(STDIN, STDIN, content)


def _matching(pattern: str) -> Iterator[Found | Failed | LeftOut]:
    import glob

    matches = sorted(glob.iglob(pattern, recursive=True))  # noqa: PTH207, Path.glob takes no absolute pattern
    if not matches:
        yield Failed(pattern, f"{pattern}: no file or folder matches this pattern")
    fixed = len(fixed_part(pattern).parts)
    empty = True
    for match in map(Path, matches):
        if _through_link(match, fixed):
            continue
        if match.is_dir():
            # "**" matches folders and, one by one, all files below them.
            if "**" not in pattern:
                empty = False
                yield from _below(match)
            continue
        empty = False
        if looks_like_a_picture(match):
            yield Found(str(match), "/".join(match.parts[fixed:]))
        else:
            yield LeftOut(match, NOT_AN_IMAGE)
    if matches and empty:
        yield Failed(
            pattern, f"{pattern}: matches folders alone; end it with a pattern of files, such as /*.jpg"
        )


def fixed_part(name: str) -> Path:
    """The folders of a pattern before its first `*`, `?` or `[`; the whole path of a name without these."""
    parts = Path(name).parts
    magic = (index for index, part in enumerate(parts) if _MAGIC.intersection(part))
    return Path(*parts[: next(magic, len(parts))])


def _through_link(match: Path, fixed: int) -> bool:
    """Whether a folder that the pattern itself does not name is a link: it could lead in a circle."""
    return any(parent.is_symlink() for parent in match.parents if len(parent.parts) > fixed)


def _below(folder: Path) -> Iterator[Found | Failed | LeftOut]:
    left_out: list[LeftOut] = []
    empty = True
    for found in list_folder(folder):
        if isinstance(found, LeftOut):
            left_out.append(found)
            yield found
            continue
        empty = False
        if isinstance(found, PictureFile):
            yield Found(str(found.path), found.path.relative_to(folder).as_posix())
        else:
            yield Failed(str(found.path), f"{found.path}: cannot be read ({found.error})")
    if empty:
        others = "".join(f"; {line}" for line in in_words(left_out, folder))
        yield Failed(str(folder), f"{folder}: no images in this folder ({', '.join(READ)}){others}")
