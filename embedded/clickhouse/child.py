"""Start and stop the embedded ClickHouse as a child process.

Rules: ready means that a real `SELECT 1` was answered over HTTP. The child stops when this process
ends in any way, because it watches its stdin; Ctrl-C
of a terminal does not reach it, so that the parent decides when it goes.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from topics.errors import BadInput, Broken

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
ROOT = Path(__file__).resolve().parents[2]


class EmbeddedClickHouse:
    """A ClickHouse of one's own, from `start` (or `with`) to `stop`.

    Args:
        data: its folder; made when absent, kept at the end.
        port: on 127.0.0.1; none takes a free one.
        credentials: file of `embedded.clickhouse.users`; none: user `default` without a password.

    """

    def __init__(self, data: Path, port: int | None = None, credentials: Path | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.credentials = credentials
        self.user, self.password, self.reader_user, self.reader_password = "default", "", "", ""
        if credentials is not None:
            given = json.loads(credentials.read_text(encoding="utf-8"))
            self.user, self.password = given["writer"]["user"], given["writer"]["password"]
            reader = given.get("reader", {"user": "", "password": ""})
            self.reader_user, self.reader_password = reader["user"], reader["password"]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, without credentials."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            BadInput: the child refused its folder, port or credentials; its own line says why.
            Broken: it ended or did not answer in time.

        """
        words = [sys.executable, "-m", "embedded.clickhouse", "--data", str(self.data.resolve())]
        words += ["--port", str(self.port), "--stop-with-stdin"]
        words += ["--credentials", str(self.credentials.resolve())] if self.credentials else []
        with (self._log_path()).open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                words,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.answers():
            self._check(deadline)
            time.sleep(0.02)

    def answers(self) -> bool:
        """Ask `SELECT 1` as the writer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password}
        try:
            connection.request("POST", "/", b"SELECT 1", headers)
            return connection.getresponse().read() == b"1\n"
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask the process to end, let running queries finish; give its exit code."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            if process.stdin:
                process.stdin.close()

    def kill(self) -> None:
        """End the process as a crash would (SIGKILL)."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.process = None

    def _check(self, deadline: float) -> None:
        if self.process is None or (code := self.process.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                raise Broken(
                    f"ClickHouse did not answer within {READY_WITHIN_S:.0f} s; see {self._log_path()}"
                )
            return
        said = self._log_path().read_text(encoding="utf-8", errors="replace").split("\n")
        if self.process.stdin:
            self.process.stdin.close()
        self.process = None
        raise (BadInput if code == BadInput.exit_code else Broken)(
            next(filter(None, reversed(said)), "ClickHouse ended at once")
        )

    def _log_path(self) -> Path:
        self.data.mkdir(parents=True, exist_ok=True)
        return self.data / "clickhouse.log"


def free_port() -> int:
    """Find a port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
