"""Output of commands: results on standard output, everything else on standard error."""

import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgeall.errors import FileError
from edgeall.progress import Advance


def visible(text: str) -> str:
    """Untrusted text (file names, metadata, output of a board) as one harmless line for a terminal.

    Line ends, other control characters, marks of text direction, and bytes of a file name that are not UTF-8 become
    Python's escape sequences. Other text stays unchanged.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


STEP = "EDGEALL_STEP"
"""Environment variable with a prefix for the title of each stage, where a command runs as a step of the demo."""


class Display:
    """The output of one command.

    With `--json`, standard output has one JSON document (or one object a line) and nothing else, and results for people
    go to standard error. Progress bars appear on a terminal only; elsewhere each stage is a line when it ends. `rich`
    is imported for tables and bars alone: it takes longer to load than a picture to classify.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._live: Any = None

    def show(self, *results: Any) -> None:
        """Print a result for people: strings, each on one line, or `rich` renderables."""
        stream = sys.stderr if self.as_json else sys.stdout
        for each in results:
            if isinstance(each, str):
                self._print(each, stream)
            else:
                self._render(each, stream)

    def _render(self, renderable: Any, stream: Any) -> None:
        console = self._console(stream)
        if self._live is not None and console is self._live.console:
            console.print(_Visible(renderable), highlight=False)
            return
        # Not printed by rich, which ends the program when the reader of a pipe has gone.
        with _writing(stream):
            with console.capture() as text:
                console.print(_Visible(renderable), highlight=False)
            stream.write(text.get())
            stream.flush()

    def emit(self, document: Any, *, line: bool = False) -> None:
        """With `--json`, print a result for programs: the one document, or one `line` of several."""
        if self.as_json:
            indent = None if line else 1
            _write(sys.stdout, json.dumps(document, indent=indent, allow_nan=False) + "\n")

    def discard_results(self) -> None:
        """Write no more to standard output, which its reader has closed."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def note(self, text: str) -> None:
        """Print a line of information on standard error."""
        self._print(text, sys.stderr)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")

    def error(self, text: str) -> None:
        self.note(f"edgeall: {text}")

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        """See `edgeall.progress.Progress.stage`. Stages can nest."""
        started = time.monotonic()
        title = f"{os.environ.get(STEP, '')} {visible(title)}".lstrip()
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
            # A low rate, because redrawing takes processor time from running measurements.
            refresh_per_second=2,
        )

    def _print(self, text: str, stream: Any) -> None:
        if self._live is not None and stream is sys.stderr:
            # Above the bars, which are drawn again below it.
            self._live.console.print(visible(text), highlight=False, soft_wrap=True)
        else:
            _accept_all_characters(stream)
            _write(stream, f"{visible(text)}\n")

    def _console(self, stream: Any) -> Any:
        if self._live is not None and stream is sys.stderr:
            return self._live.console
        from rich.console import Console

        _accept_all_characters(stream)
        # Without a terminal, tables have a fixed width that loses no figures.
        # No markup, because names of files and folders can contain "[all]".
        width = None if stream.isatty() else 200
        return Console(file=stream, width=width, markup=False, emoji=False)


class ReaderGone(BrokenPipeError):
    """The reader of standard output has closed it, as `head` does. It is not an error."""


def write_result(text: str = "") -> None:
    """Write text to standard output as it is, with all that was written before.

    Raises:
        ReaderGone: its reader has closed it.
        FileError: it cannot be written.
    """
    _write(sys.stdout, text)


def _write(stream: Any, text: str) -> None:
    with _writing(stream):
        stream.write(text)
        stream.flush()


@contextmanager
def _writing(stream: Any) -> Iterator[None]:
    """Convert errors of writing to a standard stream."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and stream is not sys.stderr:
            raise ReaderGone from None
        # Such as a full disk. What is left in the stream would fail again when Python closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stderr:
            # Messages that nobody can read do not stop the work: the exit status tells how it ended.
            return
        raise FileError("standard output", error.strerror or str(error)) from None


def _accept_all_characters(stream: Any) -> None:
    """Characters that the terminal's encoding lacks become escape sequences instead of errors."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")


class _Visible:
    """A `rich` renderable whose text goes through `visible`, except for line ends by `rich`."""

    def __init__(self, renderable: Any) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        for segment in console.render(self._renderable, options):
            if segment.control or segment.text == "\n":
                yield segment
            else:
                lines = "\n".join(map(visible, segment.text.split("\n")))
                yield segment._replace(text=lines)
