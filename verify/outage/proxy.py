"""ClickHouse as a flow may meet it on a bad day: a proxy before its HTTP port with one trouble at a time.

Rules: what passes is passed on byte by byte; only inserts are slow, refused or cut. `AWAY` is a closed
port, as when the server does not run; `SILENT` takes connections and requests and never says a word.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"
SLOW_S = 5.0
ANSWER_S = 300.0
BETWEEN_US = {"connection", "content-length", "date", "server", "transfer-encoding"}  # not passed on


class Trouble(Enum):
    """What the proxy does; the value says it in words."""

    NONE = "answers"
    AWAY = "refuses connections"
    SLOW = "takes 5 s for each insert"
    TOO_MANY_PARTS = "refuses inserts: too many parts (code 252)"
    ERROR_500 = "answers inserts with a bare HTTP 500"
    SILENT = "takes connections and never answers"
    CUT = "writes the rows and cuts the connection before the answer"


class FaultyProxy:
    """Stands before a ClickHouse as long as the `with` block lasts; `become` brings a trouble or ends it.

    Args:
        url: the ClickHouse behind it.

    """

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self._door: _Door | None = None
        self._port = 0
        self.trouble = Trouble.NONE

    @property
    def url(self) -> str:
        """Give the address for clients; it stays the same."""
        return f"http://{HOST}:{self._port}"

    def become(self, trouble: Trouble) -> None:
        """Bring a trouble in the place of the one before; open connections are cut."""
        self._close()
        self.trouble = trouble
        if trouble is not Trouble.AWAY:
            self._open()

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Passed:
        """Ask the real ClickHouse."""
        behind = HTTPConnection(self._behind.hostname or HOST, self._behind.port, timeout=ANSWER_S)
        try:
            behind.request(method, path, body, dict(headers))
            answer = behind.getresponse()
            return Passed(answer.status, answer.getheaders(), answer.read())
        finally:
            behind.close()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _open(self) -> None:
        self._door = _Door(self, self._port)
        self._port = self._door.server_port
        Thread(target=self._door.serve_forever, args=(0.02,), name="proxy", daemon=True).start()

    def _close(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            door.cut_all()


class Passed:
    """An answer of the real ClickHouse."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


class _Door(ThreadingHTTPServer):
    """The open port and the connections that came through it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: FaultyProxy, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.proxy, self.closed = proxy, Event()
        self._connections: set[socket.socket] = set()

    def cut_all(self) -> None:
        """Close the port and every connection."""
        self.closed.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: object, client_address: object) -> None:
        """Remember the connection."""
        self._connections.add(request)  # type: ignore[arg-type]
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: object) -> None:
        """Forget the connection."""
        self._connections.discard(request)
        super().shutdown_request(request)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: cut connections are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Door
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Pass a request on, or do what the trouble says."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = self.server.proxy.trouble
        if trouble is Trouble.SILENT:
            self.server.closed.wait()
            self.close_connection = True
            return
        if "INSERT" not in f"{self.path} {body[:100]!r}".upper():
            trouble = Trouble.NONE
        if trouble is Trouble.SLOW:
            self.server.closed.wait(SLOW_S)
        if trouble is Trouble.TOO_MANY_PARTS:
            self._answer(
                500, [("X-ClickHouse-Exception-Code", "252")], b"Code: 252. DB::Exception: Too many parts"
            )
        elif trouble is Trouble.ERROR_500:
            self._answer(500, [], b"Internal Server Error")
        else:
            self._pass(body, trouble)

    def do_POST(self) -> None:
        """As GET."""
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base class's name
        """Log nothing."""

    def _pass(self, body: bytes, trouble: Trouble) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in BETWEEN_US}
        passed = self.server.proxy.forward(self.command, self.path, headers, body)
        if trouble is Trouble.CUT:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(passed.status, passed.headers, passed.body)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in BETWEEN_US:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
