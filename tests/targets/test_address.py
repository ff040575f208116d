"""Addresses as people write them; nothing that ssh or a shell could take for more than a host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.errors import UsageError
from edgeall.targets import Address

HOSTS = st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,20}\Z") | st.ip_addresses().map(str)


@given(HOSTS, st.none() | st.from_regex(r"\A[a-z][a-z0-9_-]{0,10}\Z"), st.none() | st.integers(1, 65535))
def test_what_is_written_is_read_again(host: str, user: str | None, port: int | None) -> None:
    address = Address(host, user, port)
    assert Address.parse(str(address)) == address


@given(st.text(max_size=30))
def test_whatever_is_accepted_is_one_plain_word(text: str) -> None:
    try:
        address = Address.parse(text)
    except UsageError:
        return
    assert not address.login.startswith("-")
    assert not set(address.login) & set(" \t\n;|&<>()`'\"*?/")
    assert not set(address.slug) & set("/:@%")


@pytest.mark.parametrize(
    ("text", "login", "command"),
    [
        ("pi.local", "pi.local", "ssh pi.local"),
        ("pi@10.0.0.7:2222", "pi@10.0.0.7", "ssh -p 2222 pi@10.0.0.7"),
        ("fe80::1%eth0", "fe80::1%eth0", "ssh fe80::1%eth0"),
        ("pi@[::1]:22", "pi@::1", "ssh -p 22 pi@::1"),
    ],
)
def test_how_ssh_is_told(text: str, login: str, command: str) -> None:
    address = Address.parse(text)
    assert (address.login, address.command) == (login, command)


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "pi@-x", "-l@pi", "pi:0", "pi:99999", "a b", "pi;x", "@"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text)
