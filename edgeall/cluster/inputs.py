"""What a job classifies: local pictures as `classify` finds them, and URLs that fsspec reads, by name or from lists.

Local paths are made absolute, because workers have current folders of their own.
"""

import codecs
import hashlib
import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from edgeall.errors import UsageError
from edgeall.field import Failed, LeftOut, find_images
from edgeall.field.sources import MAX_STDIN_BYTES, STDIN
from edgeall.suggestions import unknown_name
from edgeall.values import dataclass

LIST_SUFFIX = ".txt"
"""Of text files with a path or URL a line."""

PACKAGES = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "gs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}
"""Protocols of URLs that are read, and the package that fsspec needs for each. fsspec's others can open local files,
archives or shells, which a list of pictures has no use for."""

MAX_BYTES = MAX_STDIN_BYTES
"""Most bytes of a picture that is held in memory: of any by URL. Larger local ones are read in parts."""

PART_INPUTS = 1024
"""Inputs of a part: one file of the set."""

_FILE = "file://"
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True)
class Input:
    """What gets one row.

    Attributes:
        path: absolute, or a URL.
        error: where listing found nothing to read, such as an empty folder; None for a picture.
    """

    path: str
    error: str | None = None

    @property
    def is_url(self) -> bool:
        return "://" in self.path


@dataclass(frozen=True)
class Part:
    """Successive inputs, whose rows are one file.

    Attributes:
        number: from 0, in the order of the inputs.
    """

    number: int
    inputs: tuple[Input, ...]

    @property
    def name(self) -> str:
        """Of its file: by its number and the hash of its inputs."""
        return f"part-{self.number:08d}-{_digest(self.inputs)[:16]}.parquet"


@dataclass(frozen=True)
class Listing:
    """All inputs of a job, which are listed anew each time they are needed.

    Attributes:
        fingerprint: SHA-256 over all paths, in order.
        left_out: files in folders that are no pictures.
    """

    names: tuple[str, ...]
    inputs: int
    fingerprint: str
    left_out: tuple[LeftOut, ...]

    def parts(self) -> Iterator[Part]:
        """The inputs in parts of `PART_INPUTS`. At most one part is in memory.

        Raises:
            UsageError: at the end, if they are not those of the listing any more.
        """
        number, inputs, digest = 0, list[Input](), hashlib.sha256()
        for each in _inputs(self.names):
            if isinstance(each, Input):
                inputs.append(each)
                digest.update(_line(each))
            if len(inputs) == PART_INPUTS:
                yield Part(number, tuple(inputs))
                number, inputs = number + 1, []
        if inputs:
            yield Part(number, tuple(inputs))
        if digest.hexdigest() != self.fingerprint:
            raise UsageError(
                "files were added, removed or renamed while they were classified: run the same command again with "
                "--overwrite, or name the pictures in a list"
            )


def survey(names: Sequence[str]) -> Listing:
    """List all inputs once: folders, patterns, files, URLs, and text files with a path or URL a line.

    Raises:
        UsageError: standard input; a list that is none; a protocol that is not read, or whose package is missing.
    """
    digest, count, left_out = hashlib.sha256(), 0, list[LeftOut]()
    for each in _inputs(names):
        if isinstance(each, LeftOut):
            left_out.append(each)
        else:
            count += 1
            digest.update(_line(each))
    return Listing(tuple(names), count, digest.hexdigest(), tuple(left_out))


def check_protocol(url: str) -> None:
    """
    Raises:
        UsageError: this URL is not of a protocol that is read here.
    """
    import fsspec

    protocol = url.partition("://")[0]
    if "::" in url:
        raise UsageError(f"{url}: URLs inside one another (::) are not read")
    if protocol not in PACKAGES:
        raise unknown_name("protocol", protocol, ("file", *PACKAGES))
    try:
        fsspec.get_filesystem_class(protocol)
        importlib.import_module(PACKAGES[protocol])
    except ImportError:
        package = PACKAGES[protocol]
        raise UsageError(
            f"{protocol}:// needs the package {package}, on this machine and on all workers: "
            f"pip install {package}"
        ) from None


def _inputs(names: Iterable[str]) -> Iterator[Input | LeftOut]:
    known, here = set[str](), os.fspath(Path.cwd())
    for name in names:
        local = _local(name, here)
        if name == STDIN:
            raise UsageError("standard input (-) cannot be sent to workers: name files, folders or lists")
        if name.endswith(LIST_SUFFIX) and (local is None or Path(local).is_file()):
            yield from _listed(name, local, known, here)
        elif local is None:
            yield _by_url(name, known)
        else:
            yield from map(_found, find_images([local]))


def _found(found: Any) -> Input | LeftOut:
    if isinstance(found, LeftOut):
        return found
    return Input(found.path, found.error) if isinstance(found, Failed) else Input(found.path)


def _local(name: str, here: str) -> str | None:
    """The absolute path of a name in the folder `here`; None for URLs."""
    name = name.removeprefix(_FILE)
    return None if "://" in name else os.path.join(here, name.removeprefix("./"))  # noqa: PTH118, 5 times as fast


def _by_url(url: str, known: set[str]) -> Input:
    """`known`: protocols that were checked."""
    protocol = url.partition("://")[0]
    if protocol not in known or "::" in url:
        check_protocol(url)
        known.add(protocol)
    return Input(url)


def _listed(name: str, local: str | None, known: set[str], here: str) -> Iterator[Input]:
    with _opened_list(name, local, known) as file:
        # Editors of Windows put a mark at the beginning.
        mark = codecs.BOM_UTF8
        while line := file.readline(_LONGEST_LINE):
            text, mark = os.fsdecode(line.removeprefix(mark)).rstrip("\r\n"), b""
            if "\0" in text or len(line) == _LONGEST_LINE:
                raise UsageError(f"{name}: not a text file with a path or URL a line")
            if not text:
                continue
            path = _local(text, here)
            yield _by_url(text, known) if path is None else Input(path)


def _opened_list(name: str, local: str | None, known: set[str]) -> IO[bytes]:
    try:
        if local is not None:
            return Path(local).open("rb")
        _by_url(name, known)
        import fsspec

        opened: IO[bytes] = fsspec.open(name, "rb").open()
        return opened
    except UsageError:
        raise
    except Exception as error:  # of any file system
        raise UsageError(f"{name}: this list cannot be read ({error})") from None


def _digest(inputs: Iterable[Input]) -> str:
    digest = hashlib.sha256()
    for each in inputs:
        digest.update(_line(each))
    return digest.hexdigest()


def _line(each: Input) -> bytes:
    return os.fsencode(each.path) + b"\0" + os.fsencode(each.error or "") + b"\n"
