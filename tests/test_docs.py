"""The documentation is right about what is there: links, anchors, commands, keys; and the README is short."""

import argparse
import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from edgeall.artifact import Metadata
from edgeall.cli.main import COMMANDS
from edgeall.runs import Run

ROOT = Path(__file__).resolve().parent.parent
HAND_WRITTEN = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
PAGES = [*HAND_WRITTEN, ROOT / "ARCHITECTURE.md", *sorted((ROOT / "benchmarks" / "results").glob("*.md"))]

MOST_WORDS = 900
"""Of the README's prose: what a newcomer reads in five minutes."""
LONGEST_LINE = 120

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
IN_REPOSITORY = re.compile(r"(?:edgeall|tests|docs|export|devices|benchmarks|emulator)/[\w./-]*")
COMMAND = re.compile(r"^(?:\w+=\S+ )*(edgeall|make) +([a-z][\w-]*)([^&\n]*)", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name)
each_hand_written = pytest.mark.parametrize("page", HAND_WRITTEN, ids=name)


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> list[str]:
    """The lines outside fenced blocks and tables."""
    return [line for line in FENCE.sub("", text(page)).splitlines() if not line.startswith("|")]


@cache
def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings: lower case, no punctuation, hyphens for spaces."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_every_relative_link_and_its_anchor_exist(page: Path) -> None:
    broken = []
    for link in LINK.findall(INLINE.sub("", FENCE.sub("", text(page)))):
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_the_readme_is_read_in_five_minutes() -> None:
    words = " ".join(
        LINK.sub(lambda link: link[0].partition("](")[0], line) for line in prose(ROOT / "README.md")
    )
    assert len(words.split()) < MOST_WORDS


def test_the_readme_names_every_command() -> None:
    shown = set(re.findall(r"^\| `edgeall ([a-z]+)", text(ROOT / "README.md"), re.MULTILINE))
    assert shown == {command.name for command in COMMANDS}


def test_the_warning_stands_before_everything_else() -> None:
    first = "\n".join(text(ROOT / "README.md").splitlines()[:8])
    assert "Research use only. edgeall is not a medical device" in first


@each_hand_written
def test_lines_of_prose_are_short(page: Path) -> None:
    assert [line for line in prose(page) if len(line) > LONGEST_LINE] == []


@cache
def options(command: str) -> tuple[frozenset[str], frozenset[str]]:
    """Of a command: its long options, and its verbs if it has any."""
    parser = argparse.ArgumentParser()
    next(each for each in COMMANDS if each.name == command).load().configure(parser)
    known, verbs, parsers = {"--help", "--json", "--debug"}, set(), [parser]
    while parsers:
        for action in parsers.pop()._actions:
            known.update(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
            if not action.option_strings and action.choices:
                verbs.update(action.choices)
    return frozenset(known), frozenset(verbs)


def commands(page: Path) -> Iterator[tuple[str, str, str]]:
    """Program, command and arguments of all that a page shows in code."""
    shell = [body for language, body in FENCE.findall(text(page)) if not language]
    for code in [*shell, *INLINE.findall(FENCE.sub("", text(page)))]:
        yield from COMMAND.findall(re.sub(r" #.*| && ", "\n", code))


@each_hand_written
def test_every_command_and_option_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", text(ROOT / "Makefile"), re.MULTILINE))
    known = {each.name for each in COMMANDS}
    for program, command, arguments in commands(page):
        assert command in (targets if program == "make" else known), f"{program} {command}"
        if program == "edgeall":
            long, verbs = options(command)
            words = arguments.split()
            assert {word.partition("=")[0] for word in words if word.startswith("--")} <= long, arguments
            assert not verbs or not words or words[0] in verbs or words[0].startswith("-"), arguments


@pytest.mark.parametrize("page", [*HAND_WRITTEN, ROOT / "ARCHITECTURE.md"], ids=name)
def test_every_path_of_the_repository_exists(page: Path) -> None:
    paths = [code for code in INLINE.findall(FENCE.sub("", text(page))) if IN_REPOSITORY.fullmatch(code)]
    assert [path for path in paths if not (ROOT / path).exists() and path != "docs/_build"] == []


@pytest.mark.parametrize("kind", [Run, Metadata])
def test_every_key_of_a_file_is_described(kind: type) -> None:
    described = text(ROOT / "docs" / "file-formats.md")
    keys = {field.name for field in dataclasses.fields(kind)} - {"path"}
    assert {key for key in keys if f"`{key}`" not in described} == set()
