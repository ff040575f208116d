"""How a command line is read: what is wrong is told with the usage of the command that was meant."""

import argparse
import itertools
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


class Parser(argparse.ArgumentParser):
    """As `argparse`'s, which leaves what a command does not know to the parser above it, whose usage says nothing of
    that command. Its subcommands are parsed by this class too."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Raises `SystemExit` (status 2) for anything unknown, after this parser's usage and one line."""
        if args is not None:
            # Before argparse looks for what is missing: a mistyped option may be all that is wrong.
            own = args if self._subparsers is None else _before_command(args)
            self._refuse(word for word in _options(own) if not self._knows(word))
        found, left = super().parse_known_args(args, namespace)
        self._refuse(left)
        return found, left

    def _knows(self, word: str) -> bool:
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
    """Words that argparse takes for long options; it takes one with a space in it for a value."""
    before = args[: list(args).index("--")] if "--" in args else args
    return [word for word in before if word.startswith("--") and " " not in word]


def _hint(given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given, list(known), n=1)
    return f": did you mean '{near[0]}'?" if near else ""
