"""One try against receivers of every kind: what it gives, how long it takes, what it reaches."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sinks.webhook_endpoints import Endpoint
from sinks.webhook_exchange import Answer, Exchange, Limits
from sinks.webhook_resolve import resolve
from sinks.webhook_signature import headers, read_secret
from sinks.webhook_url import Reach, read_url
from tests.webhooks.hostile import HOSTILE
from tests.webhooks.receiver import CA, receiving

SECRET = read_secret("whsec_" + "A" * 32)
HERE = Reach(http=True, loopback=True)
SOON = Limits(whole_s=0.6, connect_s=0.4, rest_s=0.1)
BODY = b'{"type":"fraud.alert"}'


def endpoint(url: str, reach: Reach = HERE, ca_file: Path | None = CA) -> Endpoint:
    return Endpoint("e", read_url(url, reach), (SECRET,), reach=reach, ca_file=ca_file)


async def here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def post(to: Endpoint, exchange: Exchange | None = None) -> Answer:
    async def run() -> Answer:
        signed = headers("a1", 1_700_000_000, BODY, to.secrets)
        return await (exchange or Exchange(here, SOON)).post(to, signed, BODY)

    return asyncio.run(run())


def test_there_are_enough_kinds() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_receiver_does_is_an_answer_in_time(name: str) -> None:
    behaviour, result = HOSTILE[name]
    with receiving("", **{name: behaviour}) as receiver:
        begun = time.monotonic()
        answer = post(endpoint(receiver.url(f"/{name}")))
        assert (answer.result, answer.delivered) == (result, result == "delivered")
        assert time.monotonic() - begun < SOON.whole_s + 0.5
        assert [asked.path for asked in receiver.asked] == [f"/{name}"]  # nothing is followed
        assert receiver.asked[0].body == BODY
        assert answer.delivered or answer.error
        assert len(answer.error) <= 200


def test_a_slow_head_and_a_slow_body_share_one_clock() -> None:
    with receiving("", silence=HOSTILE["silence"][0]) as receiver:
        answer = post(endpoint(receiver.url("/silence")), Exchange(here, replace(SOON, whole_s=0.2)))
        assert (answer.result, answer.error) == ("timeout", "no answer within 0.2 s")


def test_what_was_asked_is_plain_http_and_says_who_we_are() -> None:
    with receiving() as receiver:
        post(endpoint(receiver.url("/a?b=c")))
        (asked,) = receiver.asked
        assert asked.path == "/a?b=c"
        assert asked.headers == {
            **headers("a1", 1_700_000_000, BODY, (SECRET,)),
            "host": f"localhost:{receiver.port}",
            "user-agent": "Gamewax-Webhooks/1",
            "content-type": "application/json",
            "content-length": str(len(BODY)),
            "connection": "close",
        }


def test_tls_is_checked_for_the_name_though_the_address_is_pinned() -> None:
    with receiving("receiver.pem") as receiver:
        for host in ("localhost", "hooks.test", "127.0.0.1"):
            assert post(endpoint(f"https://{host}:{receiver.port}/")).delivered
        answer = post(endpoint(f"https://other.test:{receiver.port}/"))
        assert (answer.result, answer.status) == ("tls", None)
        assert "Hostname mismatch" in answer.error
        assert len(receiver.asked) == 3


@pytest.mark.parametrize(("certificate", "ca_file"), [
    ("elsewhere.pem", CA), ("stranger.pem", CA), ("receiver.pem", None),
])  # fmt: skip
def test_a_certificate_of_another_name_or_of_nobody_we_know_is_refused(
    certificate: str, ca_file: Path | None
) -> None:
    with receiving(certificate) as receiver:
        answer = post(endpoint(receiver.url(scheme="https"), ca_file=ca_file))
        assert (answer.result, receiver.asked) == ("tls", [])


def test_authorities_are_read_again_when_their_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    exchange = Exchange(here, SOON)
    with receiving("receiver.pem") as receiver:
        to = endpoint(receiver.url(scheme="https"), ca_file=file)
        assert post(to, exchange).result == "connection"  # no file
        file.write_text("no certificate")
        assert post(to, exchange).result == "tls"
        file.write_text(CA.read_text())
        assert post(to, exchange).delivered


def test_tls_to_a_port_that_speaks_none() -> None:
    with receiving() as receiver:
        assert post(endpoint(receiver.url(scheme="https"))).result in {"tls", "timeout", "connection"}
        assert receiver.asked == []


def test_a_port_that_nobody_listens_on_and_one_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        answer = post(endpoint(f"http://localhost:{port}/"), Exchange(here, replace(SOON, connect_s=0.2)))
        for one in waiting:
            one.close()
    assert (answer.result, answer.error) == (
        "connection",
        "OSError: 127.0.0.1 does not let us connect within 0.2 s",
    )
    assert "ConnectionRefusedError" in post(endpoint(f"http://localhost:{port}/")).error


@pytest.mark.parametrize("inside", ["10.0.0.1", "127.0.0.1", "::1", "169.254.169.254", "64:ff9b::7f00:1"])
def test_a_name_that_moves_inside_between_tries_is_refused_at_that_try(inside: str) -> None:
    """DNS rebinding: what the name was at the last try counts for nothing, nor what its other address is."""
    asked: list[str] = []

    async def moves(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) == 1 else ["8.8.8.8", inside]

    exchange, to = Exchange(moves, SOON), endpoint("https://hooks.example.com/", Reach())
    for _ in range(2):
        answer = post(to, exchange)
        assert (answer.result, answer.status) == ("refused", None)
    assert asked == ["hooks.example.com"] * 2  # once a try
    assert inside in answer.error


def test_the_address_that_was_judged_is_the_one_that_is_connected_to() -> None:
    """The name exists nowhere: if anything resolved it again, nothing would arrive."""
    with receiving("receiver.pem") as receiver:
        assert post(endpoint(f"https://hooks.test:{receiver.port}/")).delivered


def test_the_next_judged_address_is_tried_when_one_does_not_answer() -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    with receiving() as receiver:
        assert post(endpoint(receiver.url()), Exchange(two, SOON)).delivered


def test_a_resolver_that_hangs_or_knows_nothing_is_an_answer() -> None:
    async def hangs(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(30)
        return []

    async def nothing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert post(endpoint("http://localhost/"), Exchange(hangs, SOON)).result == "timeout"
    assert post(endpoint("http://localhost/"), Exchange(nothing, SOON)).result == "connection"


def test_the_systems_resolver_is_asked_in_a_thread_of_its_own() -> None:
    assert set(asyncio.run(resolve("localhost", 1))) <= {"127.0.0.1", "::1"}
    with pytest.raises(socket.gaierror):
        asyncio.run(resolve("no-such-name.invalid", 1))


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        assert post(endpoint(receiver.url())).delivered
        assert (len(proxy.asked), len(receiver.asked)) == (0, 1)
