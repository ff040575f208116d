"""Uploads files to a board: named by content, sent only where missing, checked on arrival."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall import files
from edgeall.errors import DeviceError, UsageError
from edgeall.progress import SILENT, Progress
from edgeall.targets.connection import Connection

_CHUNK = 1 << 20

_MAKE_ROOM = "; make room, or give another `folder` in the device's profile"
_REMEDIES = {
    "ENOSPC": _MAKE_ROOM,
    "EDQUOT": _MAKE_ROOM,
    "EFBIG": _MAKE_ROOM,
    "EROFS": "; give a writable `folder` in the device's profile",
    "EACCES": "; give a writable `folder` in the device's profile",
    "EIO": "; its card or disk can be worn out: try another",
}


@dataclass(frozen=True)
class Upload:
    """A file for a board.

    Attributes:
        to: its path below the board's folder, with forward slashes.
        size: in bytes.
        source: the local file, or its bytes.
    """

    to: str
    sha256: str
    size: int
    source: Path | bytes

    @classmethod
    def of_file(cls, path: Path, to: str, sha256: str | None = None) -> "Upload":
        """Raises `UsageError` where the file cannot be read."""
        try:
            return cls(to, sha256 or files.sha256_file(path), path.stat().st_size, path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})") from None

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, exactly `size` in all."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        left = self.size
        try:
            with self.source.open("rb") as file:
                while left and (chunk := file.read(min(left, _CHUNK))):
                    left -= len(chunk)
                    yield chunk
        except OSError as error:
            raise UsageError(f"{self.source}: cannot be read ({error.strerror})") from None
        if left:
            raise UsageError(f"{self.source}: became shorter while it was sent")


def push(
    connection: Connection,
    folder: str,
    uploads: Sequence[Upload],
    what: str,
    free_bytes: int,
    progress: Progress = SILENT,
) -> list[Upload]:
    """Send the files that are missing in the board's `folder`; returns those that were sent.

    Args:
        what: description of the files, for messages.
        free_bytes: free space there.

    Raises:
        DeviceError: the board is full, or a file arrived damaged.
    """
    needed = list({upload.to: upload for upload in uploads}.values())
    lacking = [needed[index] for index in connection.call("missing", _listed(folder, needed)).document]
    if not lacking:
        return []
    size = sum(upload.size for upload in lacking)
    if size > free_bytes:
        raise DeviceError(
            f"{connection.address}: {what} take {size / 1e6:.0f} MB, and {free_bytes / 1e6:.0f} MB are free in "
            f"{folder} there{_MAKE_ROOM}"
        )
    with progress.stage(f"sending {what}, {size / 1e6:.1f} MB", size) as advance:
        answer = connection.call("receive", _listed(folder, lacking), _counted(lacking, advance)).document
    accepted(connection, folder, answer)
    return lacking


def accepted(connection: Connection, folder: str, answer: Any) -> Any:
    """The response `answer`, checked for an error of the board's system.

    Raises:
        DeviceError: it has one.
    """
    if not isinstance(answer, dict) or not answer.get("error"):
        return answer
    remedy = _REMEDIES.get(answer.get("errno") or "", "")
    raise DeviceError(f"{connection.address}: {answer['error']} in {folder} there{remedy}")


def _listed(folder: str, uploads: Iterable[Upload]) -> dict[str, Any]:
    return {
        "folder": folder,
        "files": [{"to": each.to, "sha256": each.sha256, "size": each.size} for each in uploads],
    }


def _counted(uploads: Iterable[Upload], advance: Any) -> Iterator[bytes]:
    for upload in uploads:
        for chunk in upload.chunks():
            yield chunk
            advance(len(chunk))
