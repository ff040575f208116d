"""What a command says: results on standard output, everything else on standard error."""

import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgeall.progress import Advance


def visible(text: str) -> str:
    """Text from outside (file names, metadata, what a board says) as one line that a terminal only shows.

    Line ends, other control characters, marks that turn the direction of writing, and bytes of a file name that are no
    UTF-8 become what Python writes for them: a backslash and a code. What has none of these stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


LEG = "EDGEALL_LEG"
"""Environment variable: put before the title of each stage, where one command is part of a longer journey."""


class Display:
    """The voice of one command.

    With `--json`, standard output carries one JSON document (or one object a line) and nothing else; what is
    meant for people moves to standard error. Progress bars appear only on a terminal; elsewhere each stage is
    a line when it ends. `rich` is imported when something is shown, not before: `--help` stays quick.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._live: Any = None

    def show(self, *results: Any) -> None:
        """Print a result for people: lines of text, each of which stays one line, or what `rich` renders."""
        console = self._console(sys.stderr if self.as_json else sys.stdout)
        for each in results:
            if isinstance(each, str):
                console.print(visible(each), highlight=False, soft_wrap=True)
            else:
                console.print(_Visible(each), highlight=False)

    def emit(self, document: Any, *, line: bool = False) -> None:
        """Print a result for programs, when asked for: the one document, or one `line` of several."""
        if self.as_json:
            indent = None if line else 1
            sys.stdout.write(json.dumps(document, indent=indent, allow_nan=False) + "\n")
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """Tell something that matters beyond the result, on one line."""
        self._console(sys.stderr).print(visible(text), highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")

    def error(self, text: str) -> None:
        self.note(f"edgeall: {text}")

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        """A stage of work, as `edgeall.progress.Progress` wants it; stages may nest."""
        started = time.monotonic()
        title = f"{os.environ.get(LEG, '')} {visible(title)}".lstrip()
        if not sys.stderr.isatty():
            yield lambda steps: None
            self.note(f"{title}: {time.monotonic() - started:.1f} s")
            return
        owner = self._live is None
        if owner:
            self._live = self._bars()
            self._live.start()
        task = self._live.add_task(title, total=total)
        try:
            yield lambda steps: self._live.advance(task, steps)
        finally:
            self._live.remove_task(task)
            if owner:
                self._live.stop()
                self._live = None
        self.note(f"{title}: {time.monotonic() - started:.1f} s")

    def _bars(self) -> Any:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console(sys.stderr),
            # Each redraw takes processor time from what a bench is measuring meanwhile.
            refresh_per_second=2,
        )

    def _console(self, stream: Any) -> Any:
        if self._live is not None and stream is sys.stderr:
            return self._live.console
        from rich.console import Console

        # What the terminal's encoding lacks is shown as a code: a name must not end the command.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")
        # A table cut to 80 columns loses figures; away from a terminal there is no width to respect.
        # Names come from files and folders: "[all]" is a name, no markup.
        width = None if stream.isatty() else 200
        return Console(file=stream, width=width, markup=False, emoji=False)


class _Visible:
    """What `rich` renders, with all but its own line ends as `visible` shows it."""

    def __init__(self, renderable: Any) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        for segment in console.render(self._renderable, options):
            if segment.control or segment.text == "\n":
                yield segment
            else:
                lines = "\n".join(map(visible, segment.text.split("\n")))
                yield segment._replace(text=lines)
