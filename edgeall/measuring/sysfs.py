"""Small files in which Linux tells of the machine; read below a root, which another machine's files may be."""

from pathlib import Path

ROOT = Path("/")


def read(root: Path, place: str) -> str | None:
    """A small text file's content without ends; None where it cannot be read."""
    try:
        return (root / place).read_text(encoding="utf-8", errors="replace").strip("\0\n ") or None
    except OSError:
        return None


def cpuinfo(root: Path) -> dict[str, str]:
    """The first processor's entries, and the general ones that follow the last."""
    entries: dict[str, str] = {}
    for line in (read(root, "proc/cpuinfo") or "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            entries.setdefault(name.strip(), value.strip())
    return entries
