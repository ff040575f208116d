"""`edgeall serve`: what it prints where, and how it ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.cli.main import main
from edgeall.logbook import Logbook, verify

pytest.importorskip("starlette", reason="needs edgeall[serve]")
pytest.importorskip("uvicorn", reason="needs edgeall[serve]")


@pytest.fixture(scope="module")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-fp32", tmp_path_factory.mktemp("serve"))


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGEALL_MODEL", raising=False)
    monkeypatch.delenv("EDGEALL_LOG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@contextmanager
def serving(
    artifact: Artifact, *arguments: str | Path
) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """The command in a process of its own, and what it says when it answers."""
    command = [sys.executable, "-m", "edgeall.cli.main", "serve", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--model", artifact.path, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def ask(url: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    connection.request("GET" if body is None else "POST", path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_a_signal_and_ends_cleanly(
    artifact: Artifact, tiny: SmallModel, tmp_path: Path, number: signal.Signals
) -> None:
    Image.fromarray(tiny.images[0]).save(tmp_path / "a.png")
    with serving(artifact) as (process, told):
        assert set(told) == {"url", "token", "fingerprint"}
        assert told["token"] is None
        status, body = ask(told["url"], "/api/pictures?name=a.png", (tmp_path / "a.png").read_bytes())
        assert (status, json.loads(body)["path"]) == (200, "a.png")
        # A client that follows does not keep it from ending.
        place = urlsplit(told["url"])
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=60) as line:
            line.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert line.recv(10)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    log = tmp_path / "state" / "edgeall" / "log.db"
    with Logbook.open(log) as book:
        assert book.head.seq == 2
        assert verify(book).holds
        assert err.splitlines()[0] == "research use only, not a medical device"
        assert err.splitlines()[-1] == f"head of the log, to note down: {book.head}"
    assert f"log: {log}" in err.splitlines()
    assert "Traceback" not in err


def test_people_are_told_where_the_page_is(artifact: Artifact, tmp_path: Path) -> None:
    with serving(artifact) as (process, told):
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert f"open {told['url']} in a browser; Ctrl-C ends" in err.splitlines()


def test_in_a_network_there_is_a_token_and_a_clear_word_without_a_certificate(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with serving(artifact, "--host", "0.0.0.0") as (process, told):
        status, body = ask(f"http://127.0.0.1:{urlsplit(told['url']).port}", "/api/station")
        assert status == 401
        assert "token" in json.loads(body)["error"]
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert err.count(told["token"]) == 1
    assert f"open {told['url']}enter?token={told['token']} in a browser" in err
    assert "warning: no certificate: pictures and the token cross the network in the clear" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "65536"], "--port is a number from 0 to 65535"),
        (["--certificate", "a.crt"], "--certificate and --key belong together"),
        (["--host", "192.0.2.1"], "192.0.2.1, port 8765: cannot listen here"),
        (["--host", "no such name"], "cannot listen here"),
        (["--watch", "missing", "--port", "0"], "missing: no such folder to watch"),
        (["--keep", "{artifact}", "--port", "0"], "cannot keep pictures here"),
        (["--log", "{artifact}", "--port", "0"], "is no log"),
        (
            ["--certificate", "{artifact}", "--key", "{artifact}", "--port", "0"],
            "not a certificate that belongs to the key",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(
    artifact: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [each.format(artifact=artifact.path) for each in arguments]
    assert main(["serve", "--model", str(artifact.path), *given]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("edgeall: ")]
    assert words in line


def test_a_port_that_is_taken_is_told(artifact: Artifact, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--model", str(artifact.path), "--port", port]) == 2
    assert f"127.0.0.1, port {port}: cannot listen here" in capsys.readouterr().err


def test_two_watchers_of_a_folder_are_one_too_many(artifact: Artifact, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    (tmp_path / "scans").mkdir()
    arguments = ("--watch", tmp_path / "scans", "--log", tmp_path / "log.db")
    with serving(artifact, *arguments):
        command = [sys.executable, "-m", "edgeall.cli.main", "serve", "--port", "0"]
        again = subprocess.run(
            [*command, "--model", artifact.path, *arguments], capture_output=True, text=True, check=False
        )
    assert again.returncode == 2
    assert again.stderr.splitlines()[-1].endswith(
        "is being watched by another process with the same log: end that one first"
    )


def test_without_its_extra_it_says_what_to_install(artifact: Artifact, tmp_path: Path) -> None:
    """Where Starlette or uvicorn is missing, as on a device that only classifies."""
    program = (
        "import sys; sys.modules[{!r}] = None; from edgeall.cli.main import main; "
        "sys.exit(main(['serve', '--model', {!r}, '--port', '0']))"
    )
    for missing in ("starlette", "uvicorn"):
        done = subprocess.run(
            [sys.executable, "-c", program.format(missing, str(artifact.path))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith('install it with: pip install "edgeall[serve]"')
