"""What every command shares: how a mistyped option is told, and what Ctrl-C leaves."""

from collections.abc import Sequence
from typing import NoReturn

import pytest

from edgeall.cli import main as command_line
from edgeall.cli.main import COMMANDS, main


@pytest.mark.parametrize(
    ("arguments", "usage", "words"),
    [
        # With and without what the command needs besides, with a value after it or in it.
        (["classify", "--treads", "2"], "edgeall classify", "'--treads': did you mean '--threads'?"),
        (["classify", "x.png", "--treads=2"], "edgeall classify", "'--treads': did you mean '--threads'?"),
        (["classify", "x.png", "--wobble"], "edgeall classify", "unknown option '--wobble'"),
        (["classify", "x.png", "-q"], "edgeall classify", "unknown option '-q'"),
        (["explain", "x.png", "--overwite"], "edgeall explain", "did you mean '--overwrite'?"),
        (["explain", "x.png", "y.png"], "edgeall explain", "unexpected: y.png"),
        (["inspect", "a.onnx", "b.onnx"], "edgeall inspect", "unexpected: b.onnx"),
        (["devices", "check", "rpi", "--hots", "pi"], "edgeall devices", "did you mean '--host'?"),
        (["devices", "chek"], "edgeall devices", "unknown value 'chek': did you mean 'check'?"),
        (["devices", "zzz"], "edgeall devices", "unknown value 'zzz': choose from list, check, provision"),
        # A verb of a command has options of its own.
        (["data", "check", "cells", "--positve", "all"], "edgeall data check", "did you mean '--positive'?"),
        (["data", "chek", "cells"], "edgeall data", "did you mean 'check'?"),
        (["--vershion", "classify", "x.png"], "edgeall", "did you mean '--version'?"),
    ],
)
def test_a_wrong_option_is_told_with_the_usage_of_its_command(
    arguments: list[str], usage: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err.startswith(f"usage: {usage} [-h]")
    assert err.splitlines()[-1].startswith(f"{usage}: error: ")
    assert words in err.splitlines()[-1]


def test_an_option_may_be_shortened_and_a_value_may_look_like_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in (["classify", "x.png", "--mod", "m"], ["classify", "--model", "m", "--", "--treads"]):
        assert main(arguments) == 2
        assert "m: not an artifact" in capsys.readouterr().err


GOES_ON = {"demo", "train", "tune", "export", "bench", "classify"}


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_ctrl_c_speaks_of_going_on_where_the_command_does(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: Sequence[str]) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_parse", interrupted)
    assert main([name]) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edgeall: interrupted; ")
    assert ("run the same command again to resume" in line) == (name in GOES_ON)


def test_ctrl_c_before_any_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: Sequence[str]) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_parse", interrupted)
    assert main([]) == 130
    assert capsys.readouterr().err == "edgeall: interrupted\n"
