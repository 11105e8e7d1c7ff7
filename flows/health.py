"""The HTTP endpoint of one flow process on 127.0.0.1: `/healthz`, `/readyz`, `/metrics`.

Rules:
- GET and HEAD only; a Host header that names anybody but this machine is refused (a web page in a
  browser could otherwise read it); no CORS.
- It may not slow the flow: a connection has 2 s in all, at most 8 are served at once (others are closed),
  a new one begins every 5 ms at most, and answers are computed four times a second at most.
- 200 with `ok`, or 503 with one JSON object a line, each a reason.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import BoundedSemaphore, Thread

from topics.errors import BadInput

HOST = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
MOST = 8  # connections at once
IN_ALL_S = 2.0
REST_S = 0.005
LONGEST_HEAD = 16_384
TRIES = 64  # ports above the one that was set, for the flows and processes of one machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path answers now."""

    status: HTTPStatus
    kind: str  # its Content-Type
    body: bytes


Pages = Mapping[str, Callable[[], Answer]]


class HealthServer:
    """Answers in threads of its own until it is closed.

    Args:
        port: the first one to try; 0 = any free one.
        pages: what each path answers.

    Raises:
        BadInput: no port is free there.

    """

    def __init__(self, port: int, pages: Pages) -> None:
        self._http = _bound(port)
        self._http.pages = pages
        self._thread = Thread(target=self._http.serve_forever, args=(0.1,), name="health", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Give the address."""
        return f"http://{HOST}:{self._http.server_port}"

    def close(self) -> None:
        """End the threads and let go of the port."""
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    pages: Pages

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self._room = BoundedSemaphore(MOST)

    def process_request(self, request: object, client_address: object) -> None:
        """Serve in a thread if there is room, and let the flow have its turn."""
        time.sleep(REST_S)
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep silent about callers who hang up; a bug goes to `crash-*.log`, as all of stderr does."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    server_version, sys_version = "gamewax", ""
    default_request_version = "HTTP/1.0"  # who speaks nonsense gets a head all the same

    def setup(self) -> None:
        """Read the whole head at once, within the time that a connection has."""
        super().setup()
        self.rfile.close()
        self.rfile = BytesIO(_head(self.connection, time.monotonic() + IN_ALL_S))

    def do_GET(self) -> None:
        """Answer one of the pages."""
        page = self.server.pages.get(self.path.partition("?")[0])
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in _allowed(self.server.server_port):
            self._answer(_plain(HTTPStatus.FORBIDDEN, "ask for 127.0.0.1 or localhost"))
        elif page is None:
            self._answer(_plain(HTTPStatus.NOT_FOUND, " ".join(self.server.pages)))
        else:
            self._answer(page())

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what cannot be answered, in plain text."""
        del message, explain
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._answer(_plain(status, status.phrase))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base class's name
        """Log nothing: a scrape is no news."""

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _allowed(port: int) -> set[str]:
    return {*NAMES, *(f"{name}:{port}" for name in NAMES)}


def _plain(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())


def _head(connection: socket.socket, until: float) -> bytes:
    """Read up to the empty line; what has come by then otherwise."""
    head = b""
    with suppress(OSError):
        while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD:
            connection.settimeout(max(until - time.monotonic(), 0.001))
            came = connection.recv(4096)
            if not came:
                break
            head += came
    connection.settimeout(IN_ALL_S)
    return head if b"\r\n\r\n" in head else b""


def _bound(port: int) -> _Http:
    for tried in range(port, min(port + TRIES, 65_536) if port else 1):
        with suppress(OSError):
            return _Http(tried)
    raise BadInput(f"no port from {port} on is free on {HOST}: set GAMEWAX_HEALTH__PORT to another, or to 0")
