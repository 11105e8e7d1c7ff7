"""The proxy before ClickHouse does to a request what each trouble says, and nothing once it is over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from verify.fault_proxy import ERRORS, FaultProxy, Trouble

BODY = b"rows" * 50_000
WAITS_S = 0.5


class Heard(ThreadingHTTPServer):
    """A server that remembers the bodies that reached it whole."""

    daemon_threads = True
    bodies: list[bytes]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: cut requests are the point."""


class Hearing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        wanted = int(self.headers["Content-Length"])
        body = self.rfile.read(wanted)
        assert isinstance(self.server, Heard)
        if len(body) == wanted:
            self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"Ok.")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Heard]:
    with Heard(("127.0.0.1", 0), Hearing) as server:
        server.bodies = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(server: Heard) -> Iterator[FaultProxy]:
    with FaultProxy(server.server_port) as proxy:
        yield proxy


def send(proxy: FaultProxy) -> int | str:
    """Give the status of an answer, or what went wrong."""
    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=WAITS_S)
    try:
        connection.request("POST", "/", BODY)
        answer = connection.getresponse()
        answer.read()
    except TimeoutError:
        return "silence"
    except ConnectionRefusedError:
        return "refused"
    except (OSError, HTTPException):
        return "cut"
    finally:
        connection.close()
    return answer.status


@pytest.mark.parametrize(
    ("trouble", "client_sees", "server_has"),
    [
        (Trouble.REFUSES, {"refused"}, 0),
        (Trouble.HALF_OPEN, {"silence"}, 0),
        (Trouble.SLOW_LINE, {"silence", 200}, None),
        (Trouble.SLOW_SERVER, {"silence"}, 0),
        (Trouble.ERRORS, {500, 502, 503}, 0),
        (Trouble.CUTS_REQUEST, {"cut"}, 0),
        (Trouble.CUTS_ANSWER, {"cut"}, 1),
    ],
)
def test_a_trouble_does_what_it_says_until_it_ends(
    proxy: FaultProxy, server: Heard, trouble: Trouble, client_sees: set[object], server_has: int | None
) -> None:
    assert send(proxy) == 200
    server.bodies.clear()

    proxy.begin(trouble)
    assert send(proxy) in client_sees
    assert server_has is None or len(server.bodies) == server_has
    proxy.end()

    assert send(proxy) == 200
    assert server.bodies[-1] == BODY


def test_errors_come_in_turn_and_a_server_that_is_away_is_a_cut_connection(
    proxy: FaultProxy, server: Heard
) -> None:
    proxy.begin(Trouble.ERRORS)
    assert [send(proxy) for _ in ERRORS] == [500, 500, 502, 503, 500]
    proxy.end()
    server.shutdown()
    server.server_close()
    assert send(proxy) == "cut"


def test_nobody_else_gets_the_port_while_connections_are_refused(proxy: FaultProxy) -> None:
    proxy.begin(Trouble.REFUSES)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", proxy.port))
