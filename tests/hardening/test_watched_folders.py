"""What an unfriendly folder, picture or log can do to `watch` and `log`: nothing, and one clear line says so."""

import io
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.cli.main import main
from edgeall.logbook import Logbook, PictureEntry, verify


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-int8", tmp_path_factory.mktemp("hardening"))


@pytest.fixture
def watched(artifact: Artifact, tmp_path: Path) -> Callable[..., list[PictureEntry]]:
    """Watches the folder `scans` once, and returns all entries of pictures; the log must hold."""

    def once(status: int = 0) -> list[PictureEntry]:
        log = tmp_path / "log.db"
        arguments = [
            "--model",
            str(artifact.path),
            "--log",
            str(log),
            "--settle",
            "0",
            "--every",
            "0",
            "--once",
        ]
        assert main(["watch", str(tmp_path / "scans"), *arguments]) == status
        with Logbook.open(log) as book:
            assert verify(book).holds
            return [
                record.entry for record in book.of_kind("picture") if isinstance(record.entry, PictureEntry)
            ]

    (tmp_path / "scans").mkdir()
    return once


@pytest.fixture
def content(tiny: SmallModel) -> bytes:
    made = io.BytesIO()
    Image.fromarray(tiny.images[0]).save(made, "PNG")
    return made.getvalue()


def test_files_that_are_no_files_are_left_alone(
    watched: Callable[..., list[PictureEntry]], tmp_path: Path, content: bytes
) -> None:
    scans = tmp_path / "scans"
    os.mkfifo(scans / "pipe.jpg")
    (scans / "folder.jpg").mkdir()
    (scans / "folder.jpg" / "a.png").write_bytes(content)
    (scans / "circle.jpg").symlink_to(scans, target_is_directory=True)
    (scans / "self.jpg").symlink_to(scans / "self.jpg")
    (scans / "nothing.jpg").symlink_to("/dev/null")
    (scans / "endless.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(scans)
        try:
            listening.bind("socket.jpg")
        finally:
            os.chdir(here)
        assert [entry.path for entry in watched()] == ["folder.jpg/a.png"]


def test_names_of_any_bytes_are_told_apart_and_shown_on_one_line(
    watched: Callable[..., list[PictureEntry]],
    tmp_path: Path,
    content: bytes,
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = [
        *(
            b"new\nline.png",
            b"\x1b]0;title\x07.png",
            b"bytes\xff\xfe.png",
            rb"bytes\xff\xfe.png",
            b"'; DROP TABLE.png",
        ),
        *("\u202egnp.exe.png".encode(), "हिन्दी.png".encode(), b"%s%n.png", b"-rf.png", b" .png", b"{}.png"),
        b"a" * 250 + b".png",
    ]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(tmp_path / "scans") + b"/" + name)).write_bytes(
            content + bytes([number])
        )
    entries = watched()
    assert len({entry.path for entry in entries}) == len(names)
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == len(names)
    assert (out + err).replace("\n", "").isprintable()
    assert watched() == entries


def test_a_folder_of_any_bytes_is_watched(artifact: Artifact, tmp_path: Path, content: bytes) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/scans\xff\n"))
    folder.mkdir()
    (folder / "a.png").write_bytes(content)
    log = tmp_path / "log.db"
    arguments = ["--model", str(artifact.path), "--log", str(log), "--settle", "0", "--every", "0", "--once"]
    for _ in range(2):
        assert main(["watch", str(folder), *arguments]) == 0
    with Logbook.open(log) as book:
        assert len(book.of_kind("picture")) == 1


def _with_exif(comment: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    made = io.BytesIO()
    noise = Image.frombytes("RGB", (40, 40), random.Random(1).randbytes(40 * 40 * 3))
    noise.save(made, "JPEG", exif=exif.tobytes())
    return made.getvalue()


@pytest.mark.parametrize(
    "comment",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"stage":{"position":{"x":1e400,"y":1,"z":2}}}',
        b'{"stage":{"position":{"x":' + b"9" * 20_000 + b',"y":1,"z":2}}}',
        b'{"stage":{"position":{"x":1,"y":1,"z":2}},"more":"\xff\xfe"}',
        b'{"stage":{"position":{"x":1,"y":1,"z":2}},"more":"\\ud800"}',
        b'{"dataset":{"id":"a"},"b":[' + b"[]," * 15_000 + b"[]]}",
        b"\0" * 60_000,
        b"x" * 65_000,
    ],
    ids=lambda comment: f"{comment[:20]!r} of {len(comment)}",
)
def test_a_comment_in_a_picture_does_no_harm(
    watched: Callable[..., list[PictureEntry]], tmp_path: Path, comment: bytes
) -> None:
    (tmp_path / "scans" / "a.jpg").write_bytes(_with_exif(comment))
    (entry,) = watched()
    assert entry.answer is not None
    json.dumps(entry.capture.document if entry.capture else None, allow_nan=False)


def test_json_of_any_depth_in_a_file_of_any_size_does_no_harm(
    watched: Callable[..., list[PictureEntry]], tmp_path: Path
) -> None:
    """A comment of 10^5 layers, which no JPEG segment holds: Pillow puts several together."""
    from edgeall.logbook import openflexure

    for comment in (b"[" * 100_000 + b"]" * 100_000, b'{"stage":' * 100_000 + b"1" + b"}" * 100_000):
        assert openflexure._read(comment) is None
        limit, openflexure.MOST_BYTES = openflexure.MOST_BYTES, 1 << 30
        try:
            assert openflexure._read(comment) is None
        finally:
            openflexure.MOST_BYTES = limit


def test_pictures_that_are_damaged_anywhere_have_one_entry_each(
    watched: Callable[..., list[PictureEntry]], tmp_path: Path, content: bytes
) -> None:
    dice = random.Random(5)
    for number in range(40):
        spoiled = bytearray(content if number % 2 else _with_exif(b'{"dataset":{"id":"a"}}'))
        for _ in range(dice.randrange(1, 8)):
            spoiled[dice.randrange(8, len(spoiled))] = dice.randrange(256)
        end = len(spoiled) if number % 3 else dice.randrange(8, len(spoiled))
        (tmp_path / "scans" / f"{number}.jpg").write_bytes(spoiled[:end])
    assert len(watched()) == 40


# -- logs


def _database_of_another_program(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, body TEXT)")
    database.commit()
    database.close()


def _database_with_a_mark_of_its_own(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA application_id = 7")
    database.close()


def _log_with_more_in_it(path: Path) -> None:
    Logbook.open(path, create=True).close()
    database = sqlite3.connect(path)
    database.execute("CREATE TRIGGER more AFTER INSERT ON entries BEGIN DELETE FROM known; END")
    database.close()


def _log_of_a_later_edgeall(path: Path) -> None:
    Logbook.open(path, create=True).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()


def _log_cut_off(path: Path) -> None:
    Logbook.open(path, create=True).close()
    path.write_bytes(path.read_bytes()[:5000])


WRONG_LOGS: dict[str, Callable[[Path], object]] = {
    "a text": lambda path: path.write_text("no database\n" * 1000),
    "a picture": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000)),
    "a header alone": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "a header and zeros": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(8176)),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nowhere": lambda path: path.symlink_to(path.parent / "absent" / "log.db"),
    "another program's": _database_of_another_program,
    "another program's mark": _database_with_a_mark_of_its_own,
    "more in it": _log_with_more_in_it,
    "a later edgeall": _log_of_a_later_edgeall,
    "cut off": _log_cut_off,
}

COMMANDS = (
    ["log", "verify"],
    ["log", "show"],
    ["log", "export", "-o", "out.csv"],
    ["log", "remove", "--subject", "1", "--yes"],
    ["log", "archive", "--before", "2026-01-01", "-o", "out.db"],
    ["watch", "scans", "--once"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("wrong", WRONG_LOGS)
def test_a_log_that_is_none_is_one_line_and_stays_as_it_is(
    artifact: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    wrong: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()
    path = tmp_path / "log.db"
    WRONG_LOGS[wrong](path)
    before = path.read_bytes() if path.is_file() else b""
    model = ["--model", str(artifact.path)] if command[0] == "watch" else []
    assert main([*command, *model, "--log", "log.db"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("edgeall: log.db")]
    assert len(line) < 250
    assert before == (path.read_bytes() if path.is_file() else b"")
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.db").exists()


def test_a_log_that_is_damaged_anywhere_is_told_and_never_a_traceback(
    watched: Callable[..., list[PictureEntry]],
    tmp_path: Path,
    content: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(8):
        (tmp_path / "scans" / f"{number}.png").write_bytes(content + bytes([number]))
    watched()
    whole, dice = (tmp_path / "log.db").read_bytes(), random.Random(3)
    path = tmp_path / "damaged.db"
    for _ in range(150):
        spoiled = bytearray(whole)
        for _ in range(dice.choice([1, 1, 5, 50])):
            spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
        path.write_bytes(spoiled[: dice.choice([len(spoiled), dice.randrange(len(spoiled))])])
        for command in (["verify"], ["show"], ["export", "-o", str(tmp_path / "out.jsonl"), "--overwrite"]):
            assert main(["log", *command, "--log", str(path)]) in (0, 1, 2)
            _, err = capsys.readouterr()
            assert len([line for line in err.splitlines() if line.startswith("edgeall: ")]) <= 1


def test_arguments_of_any_bytes_are_one_line(tmp_path: Path) -> None:
    Logbook.open(tmp_path / "log.db", create=True).close()
    for arguments in (
        [b"show", b"--search", b"\xff"],
        [b"show", b"--subject", b"\xff"],
        [b"remove", b"--path", b"\xff", b"--yes"],
        [b"verify", b"--head", b"\xff"],
        [b"archive", b"--before", b"\xff", b"-o", b"x"],
        [b"show", b"-n", b"99999999999999999999999"],
    ):
        done = subprocess.run(
            [
                sys.executable,
                b"-m",
                b"edgeall",
                b"log",
                *arguments,
                b"--log",
                os.fsencode(tmp_path / "log.db"),
            ],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2
        assert len([line for line in done.stderr.splitlines() if line.startswith(b"edgeall: ")]) == 1, (
            done.stderr
        )
        assert b"Traceback" not in done.stderr
