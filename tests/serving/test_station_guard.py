"""Who may ask a station: names, origins, tokens, and what browsers may do with its answers."""

import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from served import Served

from edgeall.serving.certificate import Certificate, CertificateError, context_of, self_made
from edgeall.serving.guard import HEADERS
from edgeall.serving.operations import OPERATIONS

Start = Callable[..., Served]

PATHS = ("/", "/static/main.js", "/api/station", "/openapi.json", "/nothing", "/enter")


@pytest.fixture
def open_station(start: Start) -> Served:
    """A station for the machines of its network, without a certificate."""
    return start(host="0.0.0.0")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_binds_the_browser(station: Served, path: str) -> None:
    answer = station.ask(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8765", 200),
        ("localhost:1", 200),
        ("[::1]:8765", 200),
        # A name that leads here, of a page elsewhere.
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
        ("localhost.attacker.example:8765", 421),
        # Addresses of other machines.
        ("192.0.2.7", 421),
        ("[2001:db8::1]", 421),
        ("", 421),
        ("127.0.0.1:port", 421),
        ("[::1", 421),
        ("[]:80", 421),
        ("a@127.0.0.1", 421),
    ],
)
def test_only_this_machines_names_are_taken(station: Served, host: str, status: int) -> None:
    assert station.ask("/healthz", Host=host).status == status


def test_further_names_are_taken_where_they_are_given(start: Start) -> None:
    station = start(names=("Laboratory.example",))
    assert station.ask("/healthz", Host="laboratory.example:80").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ],
)
def test_pages_elsewhere_cannot_send_pictures(
    station: Served, pictures: list[bytes], headers: dict[str, str], status: int
) -> None:
    given = {name: each.format(port=station.port) for name, each in headers.items()}
    assert station.ask("/api/pictures?name=a.png", pictures[0], **given).status == status


def test_a_station_on_this_machine_alone_has_no_token(station: Served) -> None:
    assert station.token is None
    assert station.address.local


def test_without_the_token_nothing_is_told(open_station: Served) -> None:
    stranger = Served(open_station.address, open_station.log)
    for each in OPERATIONS:
        answer = stranger.request(each.method, each.path.replace("{seq}", "1"))
        assert answer.status == (200 if each.path == "/healthz" else 401), each.path
    for path in ("/openapi.json", "/static/main.js", "/nothing"):
        assert stranger.ask(path).status == 401
    led = stranger.ask("/")
    assert (led.status, led.headers["location"], led.body) == (303, "/enter", b"")
    for wrong in ("Bearer", "Bearer x", f"Basic {open_station.token}", "Bearer \xff"):
        assert stranger.ask("/api/station", Authorization=wrong).status == 401
    assert open_station.ask("/api/station").status == 200


def test_the_token_gives_a_cookie_that_scripts_do_not_see(open_station: Served) -> None:
    token = open_station.token
    stranger = Served(open_station.address, open_station.log)
    assert stranger.ask("/enter").status == 200
    assert stranger.ask("/enter?token=wrong").status == 401
    assert stranger.ask("/enter", b"token=wrong").status == 401
    for entered in (
        stranger.ask(f"/enter?token={token}"),
        stranger.ask("/enter", f"token={token}".encode()),
    ):
        assert entered.status == 200
        cookie = entered.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
        assert token is not None
        assert token not in cookie
        given = cookie.split(";")[0]
        assert stranger.ask("/api/station", Cookie=given).status == 200
        assert stranger.ask("/api/station", Cookie=f"{given}0").status == 401


def test_the_token_is_not_guessed(open_station: Served) -> None:
    token = open_station.token
    assert token is not None
    letters = token.replace("-", "")
    assert len(letters) == 20
    assert set(letters) <= set("abcdefghijkmnpqrstuvwxyz23456789")


def test_addresses_of_the_network_are_taken_there(open_station: Served) -> None:
    assert open_station.ask("/healthz", Host="192.0.2.7:8765").status == 200
    assert open_station.ask("/healthz", Host="attacker.example").status == 421


def test_a_station_makes_its_own_certificate_and_keeps_it(start: Start, tmp_path: Path) -> None:
    if self_made(tmp_path / "probe", ["localhost"]) is None:
        pytest.skip("needs openssl")
    station = start(host="0.0.0.0", certificates=tmp_path / "certificates")
    assert station.address.url.startswith("https://")
    assert station.address.self_made
    (key,) = (tmp_path / "certificates").glob("*.key")
    assert key.stat().st_mode & 0o077 == 0
    trusting = ssl.create_default_context(cafile=str(key.with_suffix(".crt")))
    url = f"https://localhost:{station.port}/"
    with urllib.request.urlopen(f"{url}healthz", context=trusting) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"{url}enter?token={station.token}", context=trusting) as answer:
        assert "Secure" in answer.headers["set-cookie"].split("; ")
    der = ssl.PEM_cert_to_DER_cert(key.with_suffix(".crt").read_text())
    with (
        station.connect() as line,
        trusting.wrap_socket(line, server_hostname="localhost") as wrapped,
    ):
        assert wrapped.getpeercert(binary_form=True) == der
    again = self_made(tmp_path / "probe", ["localhost"])
    assert again is not None
    assert again.fingerprint == self_made(tmp_path / "probe", ["localhost"]).fingerprint  # type: ignore[union-attr]


def test_without_openssl_there_is_no_certificate(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    station = start(host="0.0.0.0", certificates=tmp_path / "certificates")
    assert station.address.url.startswith("http://")
    assert station.address.fingerprint is None
    assert not (tmp_path / "certificates").exists()


def test_a_certificate_of_another_key_is_told(tmp_path: Path) -> None:
    one, other = self_made(tmp_path, ["localhost"]), self_made(tmp_path, ["other"])
    if one is None or other is None:
        pytest.skip("needs openssl")
    with pytest.raises(CertificateError, match="not a certificate that belongs to the key"):
        context_of(Certificate(one.certificate, other.key))
    with pytest.raises(CertificateError, match="not a certificate"):
        context_of(Certificate(tmp_path / "missing.crt", one.key))
