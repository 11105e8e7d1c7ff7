"""A receiver of webhooks as somebody else would write it: it trusts no message whose signature is not right.

Rules: it listens on 127.0.0.1 in threads of its own. Signatures are checked by the library that Standard
Webhooks publishes, which shares no code with the dispatcher. What is not signed right is refused and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from demo.figures import Tally
from embedded.process import HOST

LONGEST = 1 << 16  # bytes of a message
Take = Callable[[bytes, dict[str, str]], bool]


class Receiver:
    """Receives from when it is entered until it is left."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._lock = Lock()
        self._received = self._verified = 0
        self._ids: set[str] = set()
        self._server = ThreadingHTTPServer((HOST, 0), partial(_Taking, self._take))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    @property
    def url(self) -> str:
        """Give the address to send to."""
        return f"http://{HOST}:{self._server.server_port}/"

    @property
    def tally(self) -> Tally:
        """Say what came so far."""
        with self._lock:
            return Tally(self._received, self._verified, len(self._ids))

    @property
    def ids(self) -> frozenset[str]:
        """Name the messages that came with a right signature."""
        with self._lock:
            return frozenset(self._ids)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, body: bytes, headers: dict[str, str]) -> bool:
        right = self._is_right(body, headers)
        with self._lock:
            self._received += 1
            if right:
                self._verified += 1
                self._ids.add(headers["webhook-id"])
        return right

    def _is_right(self, body: bytes, headers: dict[str, str]) -> bool:
        try:
            self._webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError):  # the second: a body or a header that is no text
            return False
        return True


class _Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, take: Take, *asked: Any) -> None:  # what the server hands over
        self._take = take
        super().__init__(*asked)

    def do_POST(self) -> None:
        """Check a message and answer."""
        told = self.headers.get("content-length", "")
        long = int(told) if told.isdecimal() else 0
        headers = {name.lower(): value for name, value in self.headers.items()}
        right = self._take(self.rfile.read(min(long, LONGEST)), headers)
        self.close_connection = not right  # what is left of it is read by nobody
        self.send_response(HTTPStatus.NO_CONTENT if right else HTTPStatus.UNAUTHORIZED)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet: the terminal shows the demo."""
