"""`python -m bench.told_receiver SECRET FILE`: a receiver of webhooks that checks every signature.

It prints its port, and writes at each request's end nothing; when its input ends it writes one JSON object to
FILE: when each message came (monotonic seconds), by id, and how many had a signature that was not right.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

came: dict[str, float] = {}
wrong: list[str] = []


class Taking(BaseHTTPRequestHandler):
    """Takes messages."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Check the signature, note the time, answer."""
        body = self.rfile.read(int(self.headers["content-length"]))
        at, name = time.monotonic(), self.headers["webhook-id"]
        try:
            Webhook(SECRET).verify(body, dict(self.headers))
        except WebhookVerificationError:
            wrong.append(name)
        came.setdefault(name, at)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


if __name__ == "__main__":
    SECRET = sys.argv[1]
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        for line in sys.stdin:
            told = {"count": len(came), "last": line.strip()}
            print(json.dumps(told), flush=True)
        server.shutdown()
    Path(sys.argv[2]).write_text(json.dumps({"came": came, "wrong": wrong}), encoding="utf-8")
