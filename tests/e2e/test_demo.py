"""The demo: real commands on few small pictures, its last lines, and the commands it prints."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeall.cli import demo, options
from edgeall.cli import main as command_line
from edgeall.cli.main import main

EDGEALL = Path(sys.executable).parent / "edgeall"


@dataclass(frozen=True)
class Shown:
    """A finished demo: its folder's parent, its exit status and what it printed."""

    cwd: Path
    status: int
    out: str
    err: str


@contextmanager
def short_demo(cwd: Path) -> Iterator[pytest.MonkeyPatch]:
    """In `cwd`: a demo of 48 pictures at 32 pixels, one backbone, one epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            demo, "_PICTURES", ("--cells", "--healthy", "24", "--leukaemia", "24", "--size", "48x48")
        )
        patch.setattr(demo, "_SIDE", 32)
        training = {"mobilenetv2": ("--recipe", "scratch", "--epochs", "1", "--patience", "0")}
        patch.setattr(demo, "_TRAINING", {"random": training})
        patch.chdir(cwd)
        patch.setenv("XDG_CACHE_HOME", str(cwd / "cache"))
        yield patch


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The demo, in a folder whose name needs quotes."""
    cwd = tmp_path_factory.mktemp("first impression")
    out, err = cwd / "out.txt", cwd / "err.txt"
    with out.open("w") as standard, err.open("w") as errors, short_demo(cwd) as patch:
        patch.setattr(sys, "stdout", standard)
        patch.setattr(sys, "stderr", errors)
        status = main(["demo", "--out", "a demo"])
    return Shown(cwd, status, out.read_text(), err.read_text())


def test_it_ends_with_a_verdict_in_three_lines(shown: Shown) -> None:
    # After one epoch nothing may be shown to be better than chance, or an artifact fail; the demo ends nevertheless.
    assert shown.status in (0, 1), shown.err
    # A line that is wider than the output goes on in the next one.
    last = shown.out.rpartition("\n\n")[2].splitlines()
    heads = [
        line.partition(":")[0]
        for line in last
        if line.startswith(("Take this: ", "Because: ", "Not known: "))
    ]
    assert heads == ["Take this", "Because", "Not known"]
    assert last[0].startswith("Take this: ")


def test_what_it_says_it_wrote_is_there(shown: Shown) -> None:
    (written,) = re.findall(r"Written: (.*); models", " ".join(shown.err.split()))
    assert (shown.cwd / written).read_text().lstrip().lower().startswith("<!doctype html>")
    assert len([*(shown.cwd / "a demo" / "runs" / "mobilenetv2-random" / "exports").glob("*_*-*.*")]) >= 6


def test_the_command_it_leaves_the_user_with_runs_as_printed(shown: Shown) -> None:
    (command,) = re.findall(r"^Try: (edgeall .*)$", shown.err, re.MULTILINE)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=shown.cwd,
        env=os.environ | {"PATH": f"{EDGEALL.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Im0" in done.stdout


def test_the_commands_it_shows_are_those_a_user_can_give(shown: Shown) -> None:
    commands = re.findall(r"^\[\d/\d\] edgeall (.*)$", shown.err, re.MULTILINE)
    assert [shlex.split(command)[0] for command in commands] == ["data", "train", "export", "bench", "report"]


def test_a_second_demo_repeats_nothing_that_is_done(shown: Shown, capfd: pytest.CaptureFixture[str]) -> None:
    model = shown.cwd / "a demo" / "runs" / "mobilenetv2-random" / "model.keras"
    before = model.stat().st_mtime_ns
    with short_demo(shown.cwd):
        assert main(["demo", "--out", "a demo"]) == shown.status
    assert capfd.readouterr().err.count(": done before") == 2
    assert model.stat().st_mtime_ns == before


@pytest.mark.parametrize("weights", ["random", "imagenet"])
def test_every_command_of_the_full_demo_is_accepted(weights: str, tmp_path: Path) -> None:
    for step in demo._steps(tmp_path / "demo", weights):
        args, command = command_line._parse([*step.argv])
        assert command.name == step.argv[0]
        if command.name == "train":
            options.settings(args)
