"""Files on their way to a board: named by content, sent only where they are missing, checked on arrival."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall import files
from edgeall.errors import DeviceError, UsageError
from edgeall.progress import SILENT, Progress
from edgeall.targets.connection import Connection

_CHUNK = 1 << 20

_NO_ROOM = "; make room, or name another place with `folder` in the device's profile"
_WAYS_OUT = {
    "ENOSPC": _NO_ROOM,
    "EDQUOT": _NO_ROOM,
    "EFBIG": _NO_ROOM,
    "EROFS": "; name a place that can be written with `folder` in the device's profile",
    "EACCES": "; name a place that can be written with `folder` in the device's profile",
    "EIO": "; its card or disk may be worn out: try another",
}


@dataclass(frozen=True)
class Upload:
    """A file for a board.

    Attributes:
        to: its place under the board's folder, with forward slashes.
        source: the file here, or its bytes.
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
        """Its bytes, exactly `size` of them."""
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
    parcels: Sequence[Upload],
    what: str,
    free_bytes: int,
    progress: Progress = SILENT,
) -> list[Upload]:
    """Send what the board has not got yet into its `folder`, where `free_bytes` are left; returns what was sent.

    Raises:
        DeviceError: the board is full, or damaged what it received.
    """
    wanted = list({parcel.to: parcel for parcel in parcels}.values())
    lacking = [wanted[index] for index in connection.ask("missing", _listed(folder, wanted)).document]
    if not lacking:
        return []
    size = sum(parcel.size for parcel in lacking)
    if size > free_bytes:
        raise DeviceError(
            f"{connection.address}: {what} take {size / 1e6:.0f} MB, and {free_bytes / 1e6:.0f} MB are free in "
            f"{folder} there{_NO_ROOM}"
        )
    with progress.stage(f"sending {what}, {size / 1e6:.1f} MB", size) as advance:
        answer = connection.ask("receive", _listed(folder, lacking), _counted(lacking, advance)).document
    accepted(connection, folder, answer)
    return lacking


def accepted(connection: Connection, folder: str, answer: Any) -> Any:
    """`answer`, unless it tells of an error of the board's system.

    Raises:
        DeviceError: it does.
    """
    if not isinstance(answer, dict) or not answer.get("error"):
        return answer
    wayout = _WAYS_OUT.get(answer.get("errno") or "", "")
    raise DeviceError(f"{connection.address}: {answer['error']} in {folder} there{wayout}")


def _listed(folder: str, parcels: Iterable[Upload]) -> dict[str, Any]:
    return {"folder": folder, "files": [{"to": p.to, "sha256": p.sha256, "size": p.size} for p in parcels]}


def _counted(parcels: Iterable[Upload], advance: Any) -> Iterator[bytes]:
    for parcel in parcels:
        for chunk in parcel.chunks():
            yield chunk
            advance(len(chunk))
