"""Boards that fall silent, never end, or answer what was not asked: one line, within limits of time and memory."""

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from loopback_board import LoopbackBoard
from over_ssh import why

from edgeall.documents import DocumentError
from edgeall.errors import DeviceError
from edgeall.measuring.plan import Plan
from edgeall.targets import SshTarget, board_answers, patience
from edgeall.targets.connection import BoardInfo

SOUND: dict[str, Any] = {
    "python": [3, 11, 2],
    "bits": 64,
    "machine": "aarch64",
    "system": "Linux",
    "libc": ["glibc", "2.36"],
}
GREETING = f"edgeall-greets {json.dumps(SOUND)}"


def board_that(board: LoopbackBoard, name: str, commands: str) -> Any:
    """A mock in the place of the board's Python, that greets and does what it is told to."""
    script = board.script(f"python-that-{name}", f"#!/bin/sh\necho '{GREETING}'\n{commands}\n")
    return board.profile(python=str(script))


@pytest.mark.parametrize(
    ("name", "commands", "words"),
    [
        ("falls-silent", "exec sleep 600", "sent nothing that was waited for in 0.5 s"),
        ("stops-reading", "exec sleep 600 <&-", "sent nothing that was waited for in 0.5 s"),
        ("never-ends-a-line", "exec cat /dev/zero", "sent a line of more than 1 MiB, which no answer is"),
        ("never-ends", "exec yes", "which no answer is"),
        ("answers-nothing", "true", "sent no response"),
        (
            "answers-a-list",
            "echo '[1]'",
            "sent no answer that edgeall understands (expected `object`, got `array`)",
        ),
        ("answers-deeply", f"echo '{'[' * 5000}'", "sent no answer that edgeall understands ("),
    ],
)
def test_it_is_left_with_one_line(
    board: LoopbackBoard, plan: Plan, name: str, commands: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "MAX_LINE", 1 << 20)
    started = time.monotonic()
    assert words in why(
        board_that(board, name, commands), plan, answer_seconds=0.5 if "0.5" in words else 20.0
    )
    assert time.monotonic() - started < 30


def test_a_board_that_starts_again_and_again_is_left(board: LoopbackBoard, plan: Plan) -> None:
    """A real board, whose line at the start of a measurement is doubled on the way."""
    doubled = f"""#!/bin/sh\n{sys.executable} "$@" | sed -u '/"type": *"start"/p'\n"""
    python = board.script("python-that-starts-twice", doubled)
    assert "starts a measurement twice" in why(board.profile(python=str(python)), plan)


def test_what_it_says_on_standard_error_without_end_is_not_kept(board: LoopbackBoard) -> None:
    profile = board_that(board, "complains", "yes oh no | head -c 5000000 >&2; echo the end >&2; exit 3")
    with closing(SshTarget(profile)) as target, pytest.raises(DeviceError, match="the end"):
        target.examine()


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "../../../etc"},
        {"machine": "aarch64\n"},
        {"machine": "x" * 41},
        {"libc": ["glibc", "2.999999999"]},
        {"libc": ["glibc", "2.-1"]},
        {"libc": ["glibc"]},
        {"libc": ["glibc", "3"]},
        {"libc": ["glibc", "2..36"]},
        {"python": [3, 11]},
        {"python": [3, 11, -1]},
        {"python": ["3", "11", "2"]},
        {"bits": 2**70},
        {"system": None},
    ],
    ids=str,
)
def test_a_greeting_is_checked_before_it_names_files(change: dict[str, Any]) -> None:
    assert BoardInfo.read(GREETING).machine == "aarch64"
    with pytest.raises(DocumentError):
        BoardInfo.read(f"edgeall-greets {json.dumps(SOUND | change)}")


@pytest.mark.parametrize(
    ("verb", "request_", "sound", "wrong"),
    [
        ("missing", {"files": [{}, {}]}, [0, 1], ([2], [-1], ["0"], {"0": 1}, [0.5])),
        ("receive", {}, {"received": 3}, ({}, {"received": "3"}, None)),
        ("unpack", {}, {"into": "/x", "fresh": True}, ({"into": "/x"}, {"into": 5, "fresh": True})),
        ("write", {}, {"to": "/x"}, ([], {"to": None})),
        (
            "engines",
            {"modules": ["numpy"]},
            {"numpy": {"status": 0, "last": ""}},
            (
                {"numpy": {"status": "0", "last": ""}},
                {"os": {"status": 0, "last": ""}},
                {"numpy": 0},
                "numpy",
            ),
        ),
    ],
)
def test_each_answer_is_of_its_kind(
    verb: str, request_: dict[str, Any], sound: Any, wrong: tuple[Any, ...]
) -> None:
    read = board_answers.answer(verb, request_, json.dumps(sound))
    assert json.loads(json.dumps(read)) == sound
    refusal = {"error": "No space left on device", "errno": "ENOSPC"}
    assert board_answers.answer(verb, request_, json.dumps(refusal)) == refusal
    for each in (*wrong, {"error": 5, "errno": None}):
        with pytest.raises(DocumentError):
            board_answers.answer(verb, request_, json.dumps(each))


def test_lines_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MAX_LINE", 8)
    path = tmp_path / "said"
    path.write_bytes(b"one\r\n\xff\n12345678\n")
    with path.open("rb") as file:
        lines = patience.lines(file)
        assert [next(lines), next(lines)] == ["one", "\ufffd"]
        with pytest.raises(patience.TooLong):
            next(lines)
