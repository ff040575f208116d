"""How long work tells what it is doing, without knowing who listens."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """A listener to stages of work. The terminal's is in `edgeall.cli.display`."""

    def stage(self, title: str, total: int) -> AbstractContextManager[Advance]:
        """Open a stage of `total` steps; call what it yields with the number of steps just done."""
        ...

    def note(self, text: str) -> None:
        """Tell the user one line that matters beyond the progress itself."""
        ...


class _Silent:
    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        yield lambda steps: None

    def note(self, text: str) -> None:
        return None


SILENT: Progress = _Silent()
"""Listens to nothing: for library use and tests."""
