"""The boards of a fleet: options and lines of a file, checked alike."""

from pathlib import Path

import pytest

from edgeall.benching import boards
from edgeall.benching.fleet_file import MOST_BOARDS, MOST_BYTES
from edgeall.errors import UsageError
from edgeall.targets import Address


def fleet_file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "boards.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistake(hosts: list[str], file: Path | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        boards(hosts, file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_lines_are_addresses_as_of_the_option(tmp_path: Path) -> None:
    text = "\ufeff# the shelf\npi@10.0.0.1\n\n  [fe80::1]:2222  # by the window\r\nbench-3:22\n"
    assert boards(["lab"], fleet_file(tmp_path, text)) == [
        Address("lab"),
        Address("10.0.0.1", "pi"),
        Address("fe80::1", None, 2222),
        Address("bench-3", None, 22),
    ]


def test_each_bad_line_is_named(tmp_path: Path) -> None:
    file = fleet_file(tmp_path, "good\n-oProxyCommand=x\nalso good\npi:99999\n")
    said = mistake([], file)
    assert f"{file}: line 2: host '-oProxyCommand=x': not a name or address" in said
    assert f"{file}: line 3: host 'also good'" in said
    assert f"{file}: line 4: port 99999" in said
    assert "line 1" not in said


def test_mistakes_without_end_are_counted(tmp_path: Path) -> None:
    assert mistake([], fleet_file(tmp_path, "a b\n" * 30)).endswith("; and 25 more mistakes")


@pytest.mark.parametrize("again", ["pi", "PI", "me@pi"])
def test_a_board_is_named_once(tmp_path: Path, again: str) -> None:
    file = fleet_file(tmp_path, f"pi\nother\n{again}\n")
    assert (
        mistake([], file)
        == f"{file}: line 3: {again}: the same board is named twice, first by {file}: line 1"
    )
    assert "first by --host" in mistake(["pi"], fleet_file(tmp_path, again))
    assert "the same board is named twice" in mistake(["pi", again])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# nobody\n", "names no board"),
        (b"pi\xff\n", "no text in UTF-8"),
        (b"x" * (MOST_BYTES + 1), "more than 1 MiB"),
        ("".join(f"b{n}\n" for n in range(MOST_BOARDS + 1)), "10001 boards; give at most 10000"),
    ],
)
def test_files_that_list_no_boards(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in mistake([], fleet_file(tmp_path, text))


def test_a_missing_file_is_said_to_be(tmp_path: Path) -> None:
    assert "no such file" in mistake([], tmp_path / "nowhere.txt")


def test_thousands_of_boards_are_read(tmp_path: Path) -> None:
    file = fleet_file(tmp_path, "".join(f"pi@board-{n}.example\n" for n in range(MOST_BOARDS)))
    assert len(boards([], file)) == MOST_BOARDS
