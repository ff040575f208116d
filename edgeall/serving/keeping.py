"""Keeps the pictures that clients send, where that is asked for."""

from pathlib import Path, PurePath

from edgeall.errors import UsageError
from edgeall.files import replacing
from edgeall.logbook.recording import Content
from edgeall.pixels.formats import HEAD, sniff


class Keeper:
    """Writes pictures to a folder, each once, named by the hash of its bytes: a client's name is no file's name."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            UsageError: no folder can be made there.
        """
        try:
            # As the log: pictures of people, for this user alone.
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UsageError(f"{folder}: cannot keep pictures here ({error.strerror or error})") from None
        self._folder = folder

    def keep(self, content: Content, name: str) -> Path:
        """Write a picture that was read, unless it is there.

        Raises:
            FileError: it cannot be written.
        """
        form = sniff(content.data[:HEAD], PurePath(name).name)
        path = self._folder / f"{content.sha256}{form.suffixes[0] if form else ''}"
        if not path.exists():
            with replacing(path, mode=0o600) as part:
                part.write_bytes(content.data)
        return path
