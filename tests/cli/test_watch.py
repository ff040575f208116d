"""`edgeall watch`: what it prints where, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.cli.main import main
from edgeall.logbook import Logbook, verify

QUICK = ("--settle", "0", "--every", "0")


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-fp32", tmp_path_factory.mktemp("watch"))


@pytest.fixture
def scans(tmp_path: Path, tiny: SmallModel) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(tiny.images[number]).save(folder / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGEALL_MODEL", raising=False)
    monkeypatch.delenv("EDGEALL_LOG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_decision_is_a_line_as_that_of_classify(
    artifact: Artifact, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(artifact.path)]
    assert main(["watch", str(scans), *model, *QUICK, "--once"]) == 0
    out, err = capsys.readouterr()
    main(["classify", str(scans), *model])
    assert sorted(out.splitlines()) == sorted(capsys.readouterr().out.splitlines())
    log = tmp_path / "state" / "edgeall" / "log.db"
    with Logbook.open(log) as book:
        assert err.splitlines()[-2:] == [f"log: {log}", f"head of the log, to note down: {book.head}"]
        assert book.head.seq == 4
    assert main(["watch", str(scans), *model, *QUICK, "--once"]) == 0
    assert capsys.readouterr().out == ""


def test_programs_read_one_object_a_line(
    artifact: Artifact, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scans / "cut.png").write_bytes((scans / "0.png").read_bytes()[:60])
    model = ["--model", str(artifact.path), "--json"]
    assert main(["watch", str(scans), *model, *QUICK, "--once", "--log", str(tmp_path / "mine.db")]) == 0
    out, err = capsys.readouterr()
    watched = [json.loads(line) for line in out.splitlines()]
    main(["classify", str(scans), *model])
    classified = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    more = {"seq", "time", "sha256", "same_as"}
    by_path = {each["path"]: each for each in watched}
    assert len(by_path) == 4
    for each in classified:
        found = by_path[each["path"]]
        assert {**{key: found[key] for key in found if key not in more}, "ms": 0} == {**each, "ms": 0}
        assert more < set(found)
    assert "cut.png" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent"], "absent: no such folder"),
        (["scans", "--settle", "nan"], "--settle is a number of seconds"),
        (["scans", "--every", "-1"], "--every is a number of seconds"),
        (["scans", "--threads", "0"], "0 threads: at least 1 is needed"),
        (["scans", "--log", "scans"], "scans is a folder, not a log"),
        (["scans", "--log", "scans/0.png"], "is no log, but a file of another kind"),
    ],
)
def test_wrong_use_is_one_line(
    artifact: Artifact,
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = (scans / "0.png").read_bytes()
    assert main(["watch", *arguments, "--model", str(artifact.path), "--once"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("edgeall: ")]
    assert words in line
    assert (scans / "0.png").read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_all_that_was_decided_in_the_log(
    artifact: Artifact, scans: Path, tmp_path: Path, number: signal.Signals
) -> None:
    command = [
        sys.executable,
        "-m",
        "edgeall",
        "watch",
        str(scans),
        "--model",
        str(artifact.path),
        *QUICK,
        "--json",
    ]
    process = subprocess.Popen(
        [*command, "--log", str(tmp_path / "log.db"), "--every", "0.01"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert process.stdout is not None
    paths = {json.loads(process.stdout.readline())["path"] for _ in range(3)}
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert paths == {str(scans / f"{number}.png") for number in range(3)}
    with Logbook.open(tmp_path / "log.db") as book:
        assert err.splitlines()[-1] == f"head of the log, to note down: {book.head}"
        assert verify(book).holds


def test_a_reader_that_goes_away_does_not_end_the_watch(
    artifact: Artifact, scans: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.db"
    command = [
        sys.executable,
        "-m",
        "edgeall",
        "watch",
        str(scans),
        "--model",
        str(artifact.path),
        *QUICK,
        "--once",
    ]
    process = subprocess.Popen(
        [*command, "--log", str(log)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    with Logbook.open(log) as book:
        assert len(book.of_kind("picture")) == 3


@pytest.mark.parametrize("room", [True, False])
def test_a_full_disk_is_told_and_what_it_did_not_take_is_decided_later(
    artifact: Artifact, scans: Path, tmp_path: Path, room: bool
) -> None:
    resource = pytest.importorskip("resource", reason="limits of file sizes are those of Unix")
    if not hasattr(resource, "prlimit"):
        pytest.skip("needs a limit that is changed from outside")
    log = tmp_path / "log.db"
    Logbook.open(log, create=True).close()
    command = ["watch", str(scans), "--model", str(artifact.path), *QUICK, "--once", "--log", str(log)]
    # The index of the write-ahead log fits, and that log itself takes about one entry.
    limit = 33_000
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "edgeall", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
    )
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any(line.endswith("waiting, no picture is lost\n") for line in lines)
    if room:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (0 if room else 2)
    assert room or "cannot be written" in err.splitlines()[-1]
    assert main(command) == 0
    with Logbook.open(log) as book:
        assert verify(book).holds
        assert len(book.of_kind("picture")) == 3
