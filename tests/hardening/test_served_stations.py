"""What unfriendly requests and pictures can do to `serve`: nothing, and one clear sentence says so.

`make serve-uploads` sends 10,000 malformed pictures and has as many clients vanish.
"""

import io
import json
import os
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.logbook import Logbook, verify
from edgeall.serving import Limits

pytest.importorskip("starlette", reason="needs edgeall[serve]")
pytest.importorskip("uvicorn", reason="needs edgeall[serve]")

from served import Served, served

UPLOADS = int(os.environ.get("EDGEALL_UPLOADS", "1000"))
CLIENTS = int(os.environ.get("EDGEALL_CLIENTS", "300"))


@pytest.fixture(scope="module")
def station(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hardening")
    artifact = tiny.sealed("tflite-int8", folder)
    limits = Limits(
        rate=1e6,
        burst=1_000_000,
        question_rate=1e6,
        question_burst=1_000_000,
        head_seconds=2.0,
        pause_seconds=2.0,
    )
    with served(artifact, folder / "log.db", limits=limits) as station:
        yield station


@pytest.fixture
def lively(station: Served) -> Iterator[Served]:
    """A station that answers after the test as before."""
    yield station
    assert station.ask("/healthz").json == {"status": "ok"}


def sent(station: Served, request: bytes) -> bytes:
    """All that a station answers to these bytes, after which the client sends no more."""
    told = b""
    with station.connect() as line:
        try:
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            while some := line.recv(65536):
                told += some
        except (ConnectionResetError, BrokenPipeError):
            pass
    return told


def pictures(tiny: SmallModel) -> list[bytes]:
    made = []
    for form in ("PNG", "JPEG", "TIFF", "BMP", "WEBP"):
        out = io.BytesIO()
        Image.fromarray(tiny.images[0]).resize((96, 96)).save(out, form)
        made.append(out.getvalue())
    return made


def spoiled(picture: bytes, rng: random.Random) -> bytes:
    """A picture with one thing wrong: bytes changed, cut off, doubled, or numbers in its head made large."""
    data = bytearray(picture)
    kind = rng.randrange(5)
    place = rng.randrange(len(data))
    if kind == 0:
        for _ in range(rng.randint(1, 16)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        data[place:place] = data[place // 2 : place]
    elif kind == 3:
        start = rng.randrange(min(128, len(data)))
        data[start : start + 4] = b"\xff\xff\xff\x7f"
    else:
        del data[place : place + rng.randint(1, 64)]
    return bytes(data)


def test_malformed_pictures_get_an_answer_each(lively: Served, tiny: SmallModel) -> None:
    rng = random.Random(5)
    good = pictures(tiny)
    found = Counter[int]()
    for number in range(UPLOADS):
        answer = lively.decide(f"{number}.png", spoiled(rng.choice(good), rng) or b"\0")
        found[answer.status] += 1
        document = answer.json
        if answer.status == 422:
            assert set(document) == {"error"}
            assert document["error"].startswith(f"{number}.png")
            assert "\n" not in document["error"]
        else:
            assert document["picture"]["decision"] in ("positive", "negative", "refer", "refuse")
    print(dict(found))
    assert set(found) == {200, 422}
    with Logbook.open(lively.log) as log:
        assert verify(log).holds


def number(station: Served, name: str) -> float:
    """A number of `/metrics`."""
    lines = station.ask("/metrics").body.decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.split()[0] == name))


def test_clients_that_vanish_anywhere_leave_nothing(lively: Served, tiny: SmallModel) -> None:
    """Each sends a part of a request, or all, reads a part of the answer or none, and closes or resets."""
    rng = random.Random(6)
    good = pictures(tiny)[0]
    head = f"POST /api/pictures?name=a.png HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(good)}\r\n\r\n"
    requests = [head.encode() + good] + [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        for path in ("/api/history", "/api/history.csv", "/api/live", "/api/summary", "/")
    ]
    found = Counter[str]()
    for _ in range(CLIENTS):
        request = rng.choice(requests)
        part = request[: rng.choice([len(request), rng.randrange(len(request))])]
        with lively.connect() as line:
            if reset := rng.random() < 0.5:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(part)
            if reads := part == request and rng.random() < 0.5:
                line.recv(rng.randrange(1, 200))
        found[f"{'reset' if reset else 'closed'} {'while answered' if reads else 'unanswered'}"] += 1
    print(dict(found))
    end = time.monotonic() + 60
    names = ("edgeall_places_taken", "edgeall_held_bytes", "edgeall_followers")
    while (left := {name: number(lively, name) for name in names}) != dict.fromkeys(names, 0.0):
        # A follower that is gone shows by a sign of life, which is sent each 15 seconds.
        assert time.monotonic() < end, left
    with Logbook.open(lively.log) as log:
        assert verify(log).holds


def test_a_picture_that_claims_to_be_huge_is_not_decoded(lively: Served) -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    answer = lively.decide("huge.png", bytes(data))
    assert answer.status == 422
    assert "pixels" in answer.json["error"]


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../index.html", "/static/%2e%2e/%2e%2e/server.py", "/static/..%2f..%2fserver.py"),
        *("/static//etc/passwd", "//etc/passwd", "/static/texts/../../guard.py", "/static/main.js/"),
        *("/static/", "/static", "/static/main.js%00.css", "/STATIC/main.js", "/static\\main.js"),
        *("/api/pictures/..%2f..%2flog.db/preview", "/api/pictures/-1/preview", "/api/pictures/1e3/preview"),
        *("/api/pictures/99999999999999999999999/preview", "/api/pictures/%D9%A1/preview"),
    ],
)
def test_paths_lead_to_nothing_else(lively: Served, path: str) -> None:
    answer = lively.ask(path)
    assert answer.status == 404
    assert set(answer.json) == {"error"}


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "C:\\windows\\a.png", "-", "a\0b", ".", "~", "con", "/" * 1000],
)
def test_names_are_names_and_no_files(lively: Served, name: str, tiny: SmallModel, tmp_path: Path) -> None:
    answer = lively.decide(name, pictures(tiny)[0])
    assert answer.status == 200
    assert answer.json["path"] == name
    assert not list(tmp_path.iterdir())


REQUESTS = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no host": b"GET /healthz HTTP/1.0\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: attacker.example\r\n\r\n",
    "an absolute address": b"GET http://attacker.example/healthz HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
    "a proxy's method": b"CONNECT attacker.example:443 HTTP/1.1\r\nHost: attacker.example:443\r\n\r\n",
    "a long head": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "a long path": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "two lengths": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a negative length": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    "a length that is no number": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Length: 0x10\r\n\r\n",
    "a huge length": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
    + b"9" * 19
    + b"\r\n\r\n",
    "a broken chunk": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a header that is folded": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n",
    "a null in a header": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n",
    "bytes above ASCII in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "bytes above ASCII in a cookie": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \xff=\xfe\r\n\r\n",
    "an upgrade": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "an odd last event": b"GET /api/live?after=x HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: -9\r\n\r\n",
    "a half picture": b"POST /api/pictures?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nab",
}
ANSWERS = {b"200", b"400", b"404", b"405", b"413", b"421", b"422", b"431"}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_requests_that_are_wrong_get_a_refusal_or_nothing(lively: Served, request_: bytes) -> None:
    told = sent(lively, request_)
    answers = [part[:3] for part in told.split(b"HTTP/1.1 ")[1:]]
    assert len(answers) <= 1, told
    assert set(answers) <= ANSWERS, told
    if answers and answers != [b"200"]:
        head, _, body = told.partition(b"\r\n\r\n")
        assert b"content-security-policy" in head.lower()
        assert set(json.loads(body)) == {"error"}
    assert b"Traceback" not in told


def test_what_a_request_hides_is_not_answered(lively: Served) -> None:
    """A length and chunks: a second request in the body of the first one is no request."""
    told = sent(lively, REQUESTS["a length and chunks"])
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in told.lower()
    assert b"edgeall_places_taken" not in told
