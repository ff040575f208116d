"""What a command says: results on standard output, everything else on standard error."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgeall.progress import Advance

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

    def show(self, renderable: Any) -> None:
        """Print a result for people: text or anything that `rich` renders."""
        console = self._console(sys.stderr if self.as_json else sys.stdout)
        console.print(renderable, highlight=False, soft_wrap=isinstance(renderable, str), markup=False)

    def emit(self, document: Any, *, line: bool = False) -> None:
        """Print a result for programs, when asked for: the one document, or one `line` of several."""
        if self.as_json:
            indent = None if line else 1
            sys.stdout.write(json.dumps(document, indent=indent, allow_nan=False) + "\n")
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """Tell something that matters beyond the result."""
        self._console(sys.stderr).print(text, highlight=False, soft_wrap=True, markup=False)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")

    def error(self, text: str) -> None:
        self.note(f"edgeall: {text}")

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        """A stage of work, as `edgeall.progress.Progress` wants it; stages may nest."""
        started = time.monotonic()
        title = f"{os.environ.get(LEG, '')} {title}".lstrip()
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
            TextColumn("{task.description}"),
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

        # A table cut to 80 columns loses figures; away from a terminal there is no width to respect.
        # Names come from files and folders: "[all]" is a name, no markup.
        width = None if stream.isatty() else 200
        return Console(file=stream, width=width, markup=False, emoji=False)
