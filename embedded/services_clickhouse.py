"""The embedded ClickHouse as a child of the supervisor; same shape as `embedded.kafka`.

Rules: the child is `python -m embedded.clickhouse`; it is ready when `/ping` answers `Ok.`. Its last
line `gamewax: …` and its exit code are what a person gets to hear when it does not start.
"""

from __future__ import annotations

import http.client
import sys
import time
from pathlib import Path

from embedded.process import HOST, Child, check_free, signals_held
from embedded.services_state import CREDENTIALS
from topics.errors import BadInput, Broken, GamewaxError, NeedsOperator

READY_WITHIN_S = 60.0
ONE_ANSWER_WITHIN_S = 1.0
BETWEEN_ANSWERS_S = 0.05
SAID_BY_US = "gamewax: "
BY_EXIT_CODE = {kind.exit_code: kind for kind in (Broken, BadInput, NeedsOperator)}


class ClickHouseChild:
    """The process that owns the chDB folder and serves ClickHouse's HTTP protocol."""

    def __init__(self, home: Path, port: int) -> None:
        """Plan a server for the data folder `home`, whose credentials it uses."""
        self.port = port
        self._home = home
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id; `None` before the first launch."""
        return self._child.pid if self._child else None

    @property
    def is_running(self) -> bool:
        """Tell whether the process lives (not whether it answers)."""
        return self._child is not None and self._child.exit_code is None

    def launch(self) -> None:
        """Start the process; does not wait for it."""
        check_free(self.port, "ClickHouse")
        place = ["--data", str(self._home / "clickhouse"), "--port", str(self.port)]
        login = ["--credentials", str(self._home / CREDENTIALS)]
        command = [sys.executable, "-m", "embedded.clickhouse", *place, *login]
        with signals_held():
            self._child = Child(command, self._home / "clickhouse.log")

    def wait_ready(self) -> None:
        """Wait until `/ping` answers; a server that does not answer is stopped."""
        give_up_at = time.monotonic() + READY_WITHIN_S
        while not answers(self.port):
            if not self.is_running:
                raise self.explain()
            if time.monotonic() > give_up_at:
                self.stop()
                raise Broken(f"ClickHouse did not answer within {READY_WITHIN_S:.0f} s; see {self._log}")
            time.sleep(BETWEEN_ANSWERS_S)

    def stop(self) -> None:
        """End the server cleanly."""
        if self._child:
            self._child.stop()

    def explain(self) -> GamewaxError:
        """Give the error that the ended process told of."""
        code = self._child.exit_code if self._child else None
        said = self._child.words() if self._child else []
        ours = [line.removeprefix(SAID_BY_US) for line in said if line.startswith(SAID_BY_US)]
        kind = BY_EXIT_CODE.get(code or 0, Broken)
        return kind(ours[-1] if ours else f"ClickHouse ended with code {code}; see {self._log}")

    @property
    def _log(self) -> Path:
        return self._home / "clickhouse.log"


def answers(port: int) -> bool:
    """Tell whether `/ping` on this port of 127.0.0.1 answers `Ok.` within a second."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ONE_ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read().strip() == b"Ok."
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
