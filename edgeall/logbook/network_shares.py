"""Whether a folder is on a network share, where SQLite's write-ahead log does not work (sqlite.org/wal.html)."""

import os
import re
from contextlib import suppress
from pathlib import Path

_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre"}
)
_TYPES |= {f"fuse.{name}" for name in ("sshfs", "glusterfs", "s3fs", "rclone", "davfs2", "gvfsd-fuse")}
"""File systems of Linux that reach over a network."""

_MOUNTS = Path("/proc/self/mountinfo")


def share_of(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of network share that a folder is on, such as "nfs4"; None for a disk, and where it is not known."""
    place, best, kind = os.path.realpath(folder), "", ""
    with suppress(OSError):
        for line in os.fsdecode(mounts.read_bytes()).splitlines():
            # proc(5): ID, parent, device, root, mount point, options, any number of fields, "-", type, source, ...
            before, _, after = line.partition(" - ")
            fields = before.split(" ")
            if len(fields) < 5 or not after:
                continue
            point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
            inside = place == point or place.startswith(point.rstrip("/") + "/")
            # Of two at the same point, the later one is above.
            if inside and len(point) >= len(best):
                best, kind = point, after.split(" ")[0]
    return kind if kind in _TYPES else None
