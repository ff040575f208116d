"""What a station does when clients are many, slow, greedy or gone: it stays bounded, says why, and goes on."""

import gc
import http.client
import json
import socket
import ssl
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from served import Served

from edgeall.artifact import Artifact
from edgeall.field import Classifier, Failed, Found
from edgeall.logbook import Logbook
from edgeall.logbook.storage import Row
from edgeall.serving import Limits
from edgeall.serving.certificate import self_made
from edgeall.serving.rates import Rates

Start = Callable[..., Served]

HEAD = "POST /api/pictures?name=a.png HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n"
QUICK = Limits(head_seconds=0.3, pause_seconds=0.3, upload_seconds=0.8, answer_seconds=0.5)


def everything(line: socket.socket) -> bytes:
    """All that a station sends until it closes the connection."""
    told = b""
    try:
        while some := line.recv(65536):
            told += some
    except ConnectionResetError:
        pass
    return told


def number(station: Served, name: str) -> float:
    """A number of `/metrics`."""
    lines = station.ask("/metrics").body.decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.split()[0] == name))


def until(done: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
    return False


def test_a_picture_that_is_too_large_is_refused_before_it_is_received(start: Start) -> None:
    station = start(limits=Limits(upload_bytes=1 << 20))
    with station.connect() as line:
        line.sendall(HEAD.format(2 << 20).encode())
        told = b""
        while not told.endswith(b"}"):
            told += line.recv(65536)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b'{"error":"the picture is larger than the 1 MiB that are taken"}' in told


def test_a_picture_of_unknown_size_is_refused_when_it_is_too_large(start: Start) -> None:
    station = start(limits=Limits(upload_bytes=1 << 20))
    connection = http.client.HTTPConnection(station.host, station.port, timeout=60)
    connection.request("POST", "/api/pictures?name=a.png", iter([b"\0" * 65536] * 17), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert connection.getresponse().status == 413
    connection.close()


def test_memory_for_pictures_is_bounded(start: Start, pictures: list[bytes]) -> None:
    station = start(limits=Limits(upload_bytes=1 << 20, held_bytes=1 << 20))
    with station.connect() as line:
        line.sendall(HEAD.format(1 << 20).encode() + b"\0" * (1 << 19))
        assert until(lambda: number(station, "edgeall_held_bytes") == 1 << 19)
        answer = station.ask("/api/pictures?name=a.png", b"\0" * ((1 << 19) + 1))
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert "error" in answer.json
    assert until(lambda: number(station, "edgeall_held_bytes") == 0)
    assert station.decide("a.png", pictures[0]).status == 200


def test_one_address_sends_no_more_than_its_rate(start: Start, pictures: list[bytes]) -> None:
    station = start(limits=Limits(rate=0.01, burst=3))
    answers = [station.decide("a.png", pictures[0]) for _ in range(4)]
    assert [each.status for each in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 100
    assert answers[-1].json == {"error": "too many pictures from this address: slow down"}
    assert station.ask("/api/history").status == 200


def test_tokens_come_back_with_time_and_addresses_are_forgotten() -> None:
    now = [0.0]
    rates = Rates(2.0, 2, lambda: now[0])
    assert [rates.take("a"), rates.take("a"), rates.take("a")] == [0.0, 0.0, 0.5]
    assert rates.take("b") == 0.0
    now[0] += 0.5
    assert [rates.take("a"), rates.take("a")] == [0.0, 0.5]
    now[0] += 100
    assert [rates.take("a"), rates.take("a"), rates.take("a")] == [0.0, 0.0, 0.5]
    for address in range(10_000):
        rates.take(str(address))
    assert len(rates._buckets) <= 4096


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", HEAD.format(100).encode() + b"\0"],
    ids=["nothing", "half a head", "half a picture"],
)
def test_who_is_silent_is_let_go(start: Start, sent: bytes) -> None:
    station = start(limits=QUICK)
    with station.connect() as line:
        line.sendall(sent)
        told = everything(line)
    assert told == b"" or told.startswith(b"HTTP/1.1 408 ")
    assert (told != b"") == sent.startswith(b"POST")


def test_who_is_silent_before_tls_begins_is_let_go(start: Start, tmp_path: Path) -> None:
    if self_made(tmp_path / "probe", ["localhost"]) is None:
        pytest.skip("needs openssl")
    station = start(host="0.0.0.0", certificates=tmp_path / "certificates", limits=QUICK)
    assert station.address.url.startswith("https://")
    began = time.monotonic()
    with station.connect() as line:
        assert everything(line) == b""
    assert time.monotonic() - began < 30


def test_connections_before_tls_are_bounded_too(start: Start, tmp_path: Path) -> None:
    if self_made(tmp_path / "probe", ["localhost"]) is None:
        pytest.skip("needs openssl")
    station = start(host="0.0.0.0", certificates=tmp_path / "certificates", limits=Limits(clients=4))
    lines = [station.connect() for _ in range(8)]
    # None of them has said a word: the ninth is closed, and takes a place when one is free.
    with station.connect() as late:
        assert everything(late) == b""
    lines.pop().close()
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE

    def answered() -> bool:
        try:
            with station.connect() as line, trusting.wrap_socket(line) as wrapped:
                wrapped.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return b" 200 " in everything(wrapped)
        except OSError:
            return False

    assert until(answered)
    for line in lines:
        line.close()


def test_one_address_asks_no_more_than_its_rate(start: Start, pictures: list[bytes]) -> None:
    station = start(limits=Limits(question_rate=0.01, question_burst=30))
    for path in ("/api/history", "/api/summary", "/api/station", "/api/history?text=x"):
        assert station.ask(path).status == 200
    assert station.ask("/api/history.csv").status == 200
    refused = station.ask("/api/history.csv")
    assert (refused.status, refused.json) == (
        429,
        {"error": "too many questions from this address: slow down"},
    )
    assert int(refused.headers["retry-after"]) > 1
    answers = [station.ask("/api/history").status for _ in range(8)]
    assert answers == [200] * 6 + [429] * 2
    assert station.ask("/api/live").status == 429
    # What is asked of the log keeps no picture waiting, and the other way round.
    assert station.decide("a.png", pictures[0]).status == 200
    assert station.ask("/healthz").status == 200


def test_a_long_search_keeps_no_picture_waiting(
    start: Start, pictures: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    searching, let_go = Event(), Event()
    plain = Logbook.rows

    def slow(self: Logbook, rest: str, parameters: Sequence[object] = ()) -> list[Row]:
        with self.reading():
            if "forever" in parameters:
                searching.set()
                let_go.wait(60)
        return plain(self, rest, parameters)

    monkeypatch.setattr(Logbook, "rows", slow)
    station = start()
    with ThreadPoolExecutor(1) as pool:
        search = pool.submit(station.ask, "/api/history?text=forever")
        try:
            assert searching.wait(60)
            assert station.decide("a.png", pictures[0]).status == 200
        finally:
            let_go.set()
        assert search.result().status == 200


def test_who_sends_a_byte_now_and_then_is_let_go(start: Start) -> None:
    station = start(limits=QUICK)
    began = time.monotonic()
    with station.connect() as head, station.connect() as body:
        body.sendall(HEAD.format(1000).encode())
        for byte in b"GET /healthz HTTP/1.1\r\n" * 20:
            try:
                head.sendall(bytes([byte]))
                body.sendall(b"\0")
            except OSError:
                break
            time.sleep(0.02)
        assert everything(head) == b""
        assert b" 408 " in everything(body) or time.monotonic() - began < 10
    assert station.ask("/healthz").status == 200


def test_a_second_head_may_be_slow_no_longer_than_the_first(start: Start) -> None:
    station = start(limits=QUICK)
    with station.connect() as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HT")
        told = everything(line)
    assert told.count(b'{"status":"ok"}') == 1


def test_more_clients_than_there_are_places_are_told_so(start: Start) -> None:
    station = start(limits=Limits(clients=4))
    lines = [station.connect() for _ in range(4)]
    assert until(lambda: _refused(station))
    for line in lines:
        line.close()
    assert until(lambda: not _refused(station))


def _refused(station: Served) -> bool:
    try:
        answer = station.ask("/healthz")
    except (http.client.HTTPException, OSError):
        return True
    if answer.status == 503:
        assert answer.json == {"error": "too many clients: try again soon"}
    return answer.status == 503


def test_followers_have_places_too(start: Start) -> None:
    station = start(limits=Limits(followers=1))
    with station.connect() as line:
        line.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b": follows" in line.recv(65536) + line.recv(65536)
        answer = station.ask("/api/live")
        assert answer.status == 503
        assert number(station, "edgeall_followers") == 1


def test_a_follower_who_takes_nothing_is_let_go(start: Start, pictures: list[bytes]) -> None:
    """Its share of what is told lies in the kernel's buffers; there is no queue of its own that could grow."""
    station = start(limits=replace(QUICK, burst=10_000, rate=1000.0))
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect((station.host, station.port))
    line.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert until(lambda: number(station, "edgeall_followers") == 1)
    name = "n" * 1000
    with ThreadPoolExecutor(4) as pool:

        def gone() -> bool:
            list(pool.map(lambda _: station.decide(name, b"no picture"), range(100)))
            return number(station, "edgeall_followers") == 0

        assert until(gone, 120)
    line.close()
    assert station.decide("a.png", pictures[0]).status == 200


def test_the_queue_is_bounded_and_who_is_gone_gives_up_a_place(
    start: Start, pictures: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    let_go = Event()
    plain = Classifier.answer

    def slow(self: Classifier, found: Found) -> object:
        if found.path == "slow.png":
            let_go.wait(60)
        return plain(self, found)

    monkeypatch.setattr(Classifier, "answer", slow)
    monkeypatch.setattr("edgeall.serving.server.usable_processors", lambda: 1)
    station = start(limits=Limits(places=3))
    head = HEAD.format(len(pictures[0])).replace("a.png", "slow.png").encode()
    lines = [station.connect() for _ in range(3)]
    try:
        for line in lines:
            line.sendall(head + pictures[0])
        assert until(lambda: number(station, "edgeall_places_taken") == 3)
        answer = station.decide("late.png", pictures[0])
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        # Of those that wait, one goes: its place is free at once. The one in the engine keeps its place.
        lines.pop().close()
        assert until(lambda: number(station, "edgeall_places_taken") == 2)
    finally:
        let_go.set()
    assert [line.recv(12) for line in lines] == [b"HTTP/1.1 200", b"HTTP/1.1 200"]
    assert until(lambda: number(station, "edgeall_places_taken") == 0)
    names = [each["path"] for each in station.ask("/api/history").json["entries"]]
    assert names == ["slow.png", "slow.png"]


def test_who_is_gone_leaves_nothing_behind_a_busy_engine(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is let go at once; what is in the engine counts until it is done, for its memory is in use."""
    from threading import Event

    entered, let_go = Event(), Event()

    def slow(self: Classifier, found: Found) -> object:
        entered.set()
        let_go.wait(60)
        return Failed(found.path, "slow")

    monkeypatch.setattr(Classifier, "answer", slow)
    monkeypatch.setattr("edgeall.serving.server.usable_processors", lambda: 1)
    station, body = start(), bytes(2 << 20)

    def come_and_go() -> None:
        with station.connect() as line:
            line.sendall(HEAD.format(len(body)).encode() + body)
            assert until(lambda: number(station, "edgeall_places_taken") == 2)

    try:
        with station.connect() as line:
            line.sendall(HEAD.format(len(body)).encode() + body)
            assert entered.wait(20)
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10):
            come_and_go()
            assert until(lambda: number(station, "edgeall_places_taken") == 1)
        assert until(lambda: number(station, "edgeall_held_bytes") == len(body))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        let_go.set()
    assert after - before < 3 * len(body)
    assert until(lambda: number(station, "edgeall_held_bytes") == 0)
    assert [each["error"] for each in station.ask("/api/history").json["entries"]] == ["slow"]


def test_200_clients_at_once_get_classifys_answers(
    start: Start, artifact: Artifact, pictures: list[bytes]
) -> None:
    """Beside them, clients that vanish in the middle of a picture or of an answer, and silent ones."""
    station = start(limits=Limits(rate=10_000.0, burst=10_000))
    with Classifier(artifact) as classifier:
        classifier.begin()
        expected = [classifier.answer(Found("a.png", "a.png", each)).to_dict()["score"] for each in pictures]

    def client(index: int) -> str:
        picture = pictures[index % len(pictures)]
        if index % 10 == 9:
            with station.connect() as line:
                line.sendall(HEAD.format(len(picture)).encode() + picture[: index * 7 % len(picture)])
            return "vanished"
        for _ in range(200):
            try:
                answer = station.decide("a.png", picture)
            except OSError:
                continue
            if answer.status == 200:
                assert answer.json["picture"]["score"] == expected[index % len(pictures)]
                return "answered"
            assert answer.status == 503, answer.body
            assert set(answer.json) == {"error"}
            time.sleep(0.05)
        return "gave up"

    silent = [station.connect() for _ in range(20)]
    with ThreadPoolExecutor(200) as pool:
        found = Counter(pool.map(client, range(200)))
    assert found == {"answered": 180, "vanished": 20}
    for line in silent:
        line.close()
    assert until(lambda: number(station, "edgeall_places_taken") == 0)
    assert number(station, "edgeall_held_bytes") == 0
    total = 0
    before = ""
    while True:
        page = station.ask(f"/api/history?count=500{before}").json
        total += len(page["entries"])
        if not page["more"]:
            break
        before = f"&before={page['entries'][-1]['seq']}"
    assert total == 180


def test_a_full_disk_is_told_and_nothing_is_answered(
    start: Start, pictures: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeall.logbook import Logbook, LogWaitError

    station = start()

    def full(self: Logbook, entries: object) -> None:
        raise LogWaitError("log.db: cannot be written: make room on its disk")

    with monkeypatch.context() as patch:
        patch.setattr(Logbook, "append", full)
        answer = station.decide("a.png", pictures[0])
    assert answer.status == 507
    assert json.loads(answer.body) == {"error": "log.db: cannot be written: make room on its disk"}
    assert station.decide("a.png", pictures[0]).status == 200


def test_a_picture_that_was_answered_leaves_nothing_in_memory(start: Start) -> None:
    """Not until garbage is collected, which would be long after many large pictures."""
    station = start()
    body = bytes(1 << 20)
    station.decide("a.png", body)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            assert station.decide("a.png", body).status == 422
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 3 << 20
