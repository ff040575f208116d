"""Parses command lines, with errors that show the usage of the subcommand."""

import argparse
import itertools
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from edgeall.cli.display import write_result


class _Help(argparse.HelpFormatter):
    """The standard one, which asks `shutil` for the width, and is made anew for each argument that a parser gets."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_terminal_width() - 2)


def _terminal_width() -> int:
    """Columns, as of `shutil.get_terminal_size`."""
    try:
        columns = int(os.environ.get("COLUMNS", 0))
        return columns if columns > 0 else os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):
        return 80


class Parser(argparse.ArgumentParser):
    """An argument parser that reports unknown options with the usage of the subcommand.

    `argparse` reports them with the usage of the main parser. Subcommands are parsed by this class too.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**({"formatter_class": _Help} | settings))

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Raises `SystemExit` (status 2) for anything unknown, after this parser's usage and one line."""
        if args is not None:
            # Before argparse checks for missing options, since a mistyped option can be the cause.
            own = args if self._subparsers is None else _before_command(args)
            self._refuse(word for word in _options(own) if not self._is_option(word))
        found, left = super().parse_known_args(args, namespace)
        self._refuse(left)
        return found, left

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse ignores errors of writing, so that help on a full disk would end with status 0.
        if message and file is sys.stdout:
            write_result(message)
        else:
            super()._print_message(message, file)

    def _is_option(self, word: str) -> bool:
        name = word.partition("=")[0]
        return any(option.startswith(name) for option in self._option_string_actions)

    def _refuse(self, words: Iterable[str]) -> None:
        unknown = list(words)
        if unknown and unknown[0].startswith("-"):
            name = unknown[0].partition("=")[0]
            self.error(f"unknown option '{name}'{_hint(name, self._option_string_actions)}")
        if unknown:
            self.error(f"unexpected: {' '.join(unknown)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        hint = _hint(str(value), choices) or f": choose from {', '.join(choices)}"
        raise argparse.ArgumentError(action, f"unknown value '{value}'{hint}")


def _before_command(args: Sequence[str]) -> Sequence[str]:
    return list(itertools.takewhile(lambda word: word.startswith("-"), args))


def _options(args: Sequence[str]) -> list[str]:
    """Words that argparse treats as long options; it treats one with a space as a value."""
    before = args[: list(args).index("--")] if "--" in args else args
    return [word for word in before if word.startswith("--") and " " not in word]


def _hint(given: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(given, list(known), n=1)
    return f": did you mean '{near[0]}'?" if near else ""
