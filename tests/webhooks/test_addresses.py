"""Where a webhook may go: a table of addresses, none of which opens a connection."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.webhook_url import Reach, Refused, Target, is_public, judge, read_url
from tests.webhooks import addresses as table

WRONG = [*table.WRITTEN_WRONG.strip().splitlines(), *table.CONTROLS]
NOT_PUBLIC, PUBLIC = table.NOT_PUBLIC.split(), table.PUBLIC.split()
NAME = Target(https=True, host="hooks.example.com", port=443, path="/")
NOWHERE, HERE = Reach(), Reach(http=True, loopback=True)


@pytest.mark.parametrize("text", WRONG)
def test_an_address_that_could_be_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_url(text, NOWHERE)


def test_the_table_is_long_enough() -> None:
    assert len(set(WRONG)) >= 90
    assert len({*NOT_PUBLIC}) >= 50


@pytest.mark.parametrize(("text", "parts"), table.WRITTEN_RIGHT.items())
def test_a_plain_address_is_read(text: str, parts: tuple[str, int, str]) -> None:
    target = read_url(text, NOWHERE)
    assert (target.host, target.port, target.path) == parts
    assert target.https


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_is_refused_when_one_of_its_addresses_is_not_public(address: str) -> None:
    for found in ([address], ["8.8.8.8", address], [address, "2606:4700::1111"]):
        with pytest.raises(Refused, match="is at"):
            judge(found, NAME, NOWHERE)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_given_back_as_they_are(address: str) -> None:
    assert judge([address, "8.8.4.4", address], NAME, NOWHERE) == (address, "8.8.4.4")


@pytest.mark.parametrize("address", [*NOT_PUBLIC, *PUBLIC])
def test_with_loopback_nothing_else_is_reached(address: str) -> None:
    if address in {"127.0.0.1", "127.255.255.254", "::1"}:
        assert judge([address], NAME, HERE) == (address,)
    else:
        with pytest.raises(Refused):
            judge([address], NAME, HERE)


def test_what_opens_ports_and_http() -> None:
    assert read_url("http://hooks.example.com/", Reach(http=True)).port == 80
    assert read_url("https://hooks.example.com:8443/", Reach(ports=frozenset({8443}))).port == 8443
    assert read_url("http://127.0.0.1:1234/x", HERE).authority == "127.0.0.1:1234"
    assert read_url("http://[::1]:1234/x", HERE).origin == "http://[::1]:1234"
    for text in ("http://hooks.example.com:8080/", "https://10.0.0.1/", "http://10.0.0.1/"):
        with pytest.raises(Refused):
            read_url(text, Reach(http=True))


def test_a_name_without_addresses_is_refused() -> None:
    with pytest.raises(Refused, match="has no address"):
        judge([], NAME, NOWHERE)


@given(st.ip_addresses())
def test_nothing_is_public_that_python_does_not_call_global(address: object) -> None:
    found = ip_address(str(address))
    if is_public(found):
        assert found.is_global
        assert not found.is_multicast
    elif found.is_global and not found.is_multicast:  # what is stricter here, and on purpose
        strict_4 = ("192.0.0.", "192.88.99.")
        assert isinstance(found, IPv6Address) or str(found).startswith(strict_4)
