"""Lists the pictures below a folder, by one rule for all commands.

A file with the name or the first bytes of a picture is a picture, even if it cannot be read later. All other files are
left out with a reason, so that the counts of a folder add up. Hidden files and folders are ignored: those with a
leading dot, and `__MACOSX`, where a Mac's archives have them.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgeall.pixels.formats import has_picture_suffix, sniff
from edgeall.pixels.opening import read_head, special_file
from edgeall.values import dataclass

NOT_AN_IMAGE = "not an image"
LINKED_FOLDER = "a link to a folder, which is not followed"
LINK_OUT = "a link that leads out of the folder, which is not followed"
_NAMED = 3


@dataclass(frozen=True)
class PictureFile:
    """A file with the name or the first bytes of a picture. It can be unreadable."""

    path: Path


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not read, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True)
class UnreadableFolder:
    """A folder whose files cannot be listed, and the system's error message."""

    path: Path
    error: str


def list_folder(
    root: Path, *, stay_within: bool = False
) -> Iterator[PictureFile | LeftOut | UnreadableFolder]:
    """Files below `root`, sorted by name; a folder's own files come first, unreadable folders last.

    Links to files are followed. Links to folders are not, because they can form a circle or list pictures twice.

    Args:
        stay_within: leave out links to files outside of `root` too. `root` must be a resolved path.
    """
    unlisted: list[OSError] = []
    for place, folders, files in os.walk(root, onerror=unlisted.append):
        folders[:] = sorted(name for name in folders if not is_hidden_name(name))
        for path in (Path(place, name) for name in folders):
            if path.is_symlink():
                yield LeftOut(path, LINK_OUT if stay_within and _leads_out(path, root) else LINKED_FOLDER)
        for path in (Path(place, name) for name in sorted(files) if not is_hidden_name(name)):
            if stay_within and path.is_symlink() and _leads_out(path, root):
                yield LeftOut(path, LINK_OUT)
            else:
                yield PictureFile(path) if looks_like_a_picture(path) else LeftOut(path, NOT_AN_IMAGE)
    for error in unlisted:
        yield UnreadableFolder(Path(error.filename), error.strerror or str(error))


def in_words(left_out: Iterable[LeftOut], root: Path | None = None) -> tuple[str, ...]:
    """One line for each reason: the number of files left out, and the first few names, relative to `root` if given."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for each in left_out:
        name = each.path if root is None else each.path.relative_to(root)
        by_reason[each.reason].append(name.as_posix())
    return tuple(_line(reason, names) for reason, names in by_reason.items())


def _line(reason: str, names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"left out {len(names)} ({reason}): {', '.join(names[:_NAMED])}{more}"


def looks_like_a_picture(path: Path) -> bool:
    """Whether a file has the name or the first bytes of a picture. Special files, such as pipes, are not opened."""
    if has_picture_suffix(path.name):
        return True
    if special_file(path):
        return False
    try:
        return sniff(read_head(path)) is not None
    except FileNotFoundError:
        return False
    except OSError:
        # Treated as a picture, so that reading it reports the error.
        return True


def is_hidden_name(name: str) -> bool:
    """Whether files and folders of this name are ignored."""
    return name.startswith(".") or name == "__MACOSX"


def _leads_out(path: Path, root: Path) -> bool:
    return not path.resolve().is_relative_to(root)
