"""The files of a kit: in an archive, or in the folder that it was unpacked to."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from .archives import CHUNK, MOST_BYTES, MOST_FILES, Files, check_name, read_tar, read_zip
from .errors import KitError

_ZIP, _ZSTANDARD = b"PK\x03\x04", b"\x28\xb5\x2f\xfd"


@contextmanager
def files_of(kit: Path) -> Iterator[Files]:
    """Name, size and content of each file of a kit; each content is to be read before the next file.

    Raises:
        KitError: it cannot be read, or holds what no kit holds.
    """
    try:
        if kit.is_dir():
            yield _in_folder(kit)
            return
        with ExitStack() as stack:
            stream = stack.enter_context(kit.open("rb"))
            start = stream.read(4)
            stream.seek(0)
            if start == _ZIP:
                yield read_zip(stream)
            elif start == _ZSTANDARD:
                yield read_tar(cast(IO[bytes], stack.enter_context(closing(_decompressed(stream)))))
            else:
                raise KitError(f"{kit}: not a kit: neither a folder, nor a .zip, nor a .tar.zst")
    except KitError as error:
        named = str(error).startswith(str(kit))
        raise error if named else KitError(f"{kit}: {error}", 1) from None
    except OSError as error:
        raise KitError(f"{kit}: cannot be read ({error.strerror or error})") from None


def _in_folder(folder: Path) -> Files:
    names = []
    total = 0
    for place, below, found in os.walk(folder):
        for name in (*below, *found):
            path = Path(place, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise KitError(f"{path.relative_to(folder)} is a link or a device: a kit has none", 1)
        names += [Path(place, name).relative_to(folder).as_posix() for name in found]
        if len(names) > MOST_FILES:
            raise KitError("more files than any kit has: is this the kit's own folder?")
    for name in sorted(names):
        check_name(name)
        size = (folder / name).stat().st_size
        total += size
        if total > MOST_BYTES:
            raise KitError("larger than any kit: is this the kit's own folder?")
        yield name, size, _content(folder / name, size)


def _content(path: Path, size: int) -> Iterable[bytes]:
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(CHUNK, size))):
            size -= len(chunk)
            yield chunk


def _decompressed(stream: IO[bytes]) -> "_Zstandard":
    """Reads a Zstandard frame with Python 3.14's own module, or with `zstandard` where it is installed."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]

        return _Zstandard(stream, zstd.ZstdDecompressor(), zstd.ZstdError)
    except ModuleNotFoundError:
        pass
    try:
        import zstandard
    except ModuleNotFoundError:
        raise KitError(
            "this Python cannot read .tar.zst: unpack it (tar --zstd -xf FILE) and name the folder, or ask for a .zip"
        ) from None
    return _Zstandard(stream, zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError)


class _Zstandard:
    """One frame, to its end, and nothing after it.

    A chunk of input gives all its output at once, so that the input comes in small pieces: a frame of zeros grows to
    20,000 times its size.
    """

    def __init__(self, stream: IO[bytes], decompressor: Any, error: type[Exception]) -> None:
        self._stream, self._decompressor, self._error = stream, decompressor, error
        self._buffer = memoryview(b"")
        self._total = 0

    def read(self, size: int) -> bytes:
        while not self._buffer and not self._decompressor.eof:
            piece = self._stream.read(4096)
            if not piece:
                raise KitError("the archive is cut short", 1)
            try:
                self._buffer = memoryview(self._decompressor.decompress(piece))
            except self._error as error:
                raise KitError(f"the archive is damaged ({error})", 1) from None
            self._total += len(self._buffer)
            if self._total > MOST_BYTES:
                raise KitError("larger than any kit", 1)
        if self._decompressor.eof and (self._decompressor.unused_data or self._stream.read(1)):
            raise KitError("something follows the archive's end", 1)
        found, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
        return found

    def close(self) -> None:
        self._buffer = memoryview(b"")
