"""Where a station listens, and the addresses that it tells."""

import socket

import pytest

from edgeall.serving.addresses import listen, own_addresses


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except (OSError, ValueError):
        return False
    return True


ipv6 = pytest.param("::", marks=pytest.mark.skipif(not _has_ipv6(), reason="needs IPv6"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ipv6])
def test_every_address_that_is_told_takes_connections(host: str) -> None:
    with listen(host, 0, 8) as listener:
        port = listener.getsockname()[1]
        addresses = own_addresses(listener)
        assert addresses
        for address in addresses:
            socket.create_connection((address, port), timeout=60).close()


@pytest.mark.skipif(not _has_ipv6(), reason="needs IPv6")
def test_where_a_socket_has_one_family_alone_its_address_is_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with listen("::", 0, 8) as listener:
        (address,) = own_addresses(listener)
        socket.create_connection((address, listener.getsockname()[1]), timeout=60).close()
