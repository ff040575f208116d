"""Progress reports of long operations, independent of how they are displayed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Receiver of progress reports. The terminal's is in `edgeall.cli.display`."""

    def stage(self, title: str, total: int) -> AbstractContextManager[Advance]:
        """Open a stage of `total` steps. Yields a function to call with the number of steps just done."""
        ...

    def note(self, text: str) -> None:
        """Show the user a line of information."""
        ...


class _Silent:
    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        yield lambda steps: None

    def note(self, text: str) -> None:
        return None


SILENT: Progress = _Silent()
"""Ignores all reports: for library use and tests."""
