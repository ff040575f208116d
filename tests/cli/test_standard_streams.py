"""Standard streams that are closed, full, or read by nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import SmallModel

from edgeall.cli import main as command

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell's redirections")

RESULTS = (
    ("inspect", "model.tflite"),
    ("inspect", "model.tflite", "--json"),
    ("--help",),
    ("classify", "--help"),
)


@pytest.fixture
def place(tiny: SmallModel, tmp_path: Path) -> Path:
    tiny.sealed("tflite-int8", tmp_path)
    return tmp_path


def shell(
    place: Path, redirection: str, *words: str, unbuffered: str = ""
) -> tuple[int, list[str], list[str]]:
    """Status, and the lines of standard output and standard error where they are not redirected."""
    script = f'"$0" -m edgeall "$@" {redirection}'
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


@pytest.mark.parametrize("words", RESULTS, ids=" ".join)
@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_results_that_cannot_be_written_are_an_error(
    place: Path, words: tuple[str, ...], redirection: str, why: str, unbuffered: str
) -> None:
    status, _, errors = shell(place, redirection, *words, unbuffered=unbuffered)
    assert status == 2
    assert errors == [f"edgeall: standard output: cannot be written ({why}); make room or give another place"]


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_messages_that_cannot_be_written_stop_nothing(place: Path, redirection: str) -> None:
    status, results, _ = shell(place, redirection, "inspect", "model.tflite", "--json")
    assert status == 0
    assert results[-1] == "}"


def test_no_library_writes_into_a_file_that_has_the_number_of_a_closed_stream(place: Path) -> None:
    before = (place / "model.tflite").read_bytes()
    shell(place, "<&- >&- 2>&-", "inspect", "model.tflite")
    assert (place / "model.tflite").read_bytes() == before


def test_closed_standard_input_is_an_image_that_cannot_be_read(place: Path) -> None:
    status, _, errors = shell(place, "<&-", "classify", "-", "--model", "model.tflite")
    assert status == 2
    assert errors[-1] == "edgeall: standard input cannot be read (Bad file descriptor)"


def test_a_reader_that_has_gone_is_no_error(place: Path) -> None:
    script = '{ "$0" -m edgeall inspect model.tflite; echo $? >&2; } | true'
    done = subprocess.run(["sh", "-c", script, sys.executable], cwd=place, capture_output=True, text=True)
    assert done.stderr == "0\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device", "runs/x"),
            "runs/x: No space left on device; --debug shows where",
        ),
        (
            FileNotFoundError(2, "No such file", b"a", None, b"b"),
            "a and b: No such file; --debug shows where",
        ),
        (BrokenPipeError(32, "Broken pipe"), "the system refuses: Broken pipe; --debug shows where"),
        (MemoryError(), "out of memory: end other programs, or take less at a time"),
    ],
)
def test_what_the_system_refuses_is_one_line(
    error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> int:
        raise error

    monkeypatch.setattr("edgeall.cli.backbones.run", refuse)
    assert command.main(["backbones"]) == 2
    assert capsys.readouterr().err == f"edgeall: {said}\n"
    with pytest.raises(type(error)):
        command.main(["backbones", "--debug"])
