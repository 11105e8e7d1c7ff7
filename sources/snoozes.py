"""Which player and rule nobody is to be told of, and until when: `fraud_snoozes`, known from memory.

Rules:
- A thread of its own asks ClickHouse once a second, so that who asks us never waits.
- While ClickHouse is away, what was known before counts to its own end; without any answer nothing is
  silent: an alert too many is better than one that nobody sees. That is said once, and once when it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Self

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from topics.errors import GamewaxError

log = structlog.get_logger()

EVERY_S = 1.0
LEAVES_WITHIN_S = 2.0
_ACTIVE = """
SELECT player_id, rule_id, toUnixTimestamp64Milli(until) FROM fraud_snoozes WHERE until > now64(3)
"""
Known = Mapping[tuple[str, str], int]  # player and rule: until when (epoch ms)


class Snoozes:
    """What is silent now; a `with` block begins and ends the thread.

    Args:
        connect: opens a client of ClickHouse, or raises why not.
        every_s: seconds between two questions.

    """

    def __init__(self, connect: Callable[[], Client], every_s: float = EVERY_S) -> None:
        self._connect, self._every_s = connect, every_s
        self._known: Known = {}
        self._client: Client | None = None
        self._away = False
        self._closed = Event()
        self._thread = Thread(target=self._run, name="snoozes", daemon=True)

    def until(self, player_id: str, rule_id: str, now_ms: int) -> int | None:
        """Say until when (epoch ms) a player and a rule are silent, if they are now."""
        until_ms = self._known.get((player_id, rule_id))
        return until_ms if until_ms is not None and until_ms > now_ms else None

    def look(self) -> None:
        """Ask ClickHouse now; what it does not answer stays as it was known."""
        try:
            self._client = self._client or self._connect()
            rows = self._client.query(_ACTIVE).result_rows
        except (ClickHouseError, OSError, GamewaxError) as error:
            self._say_away(error)
            self._let_go()
            return
        self._known = {(str(player), str(rule)): int(until_ms) for player, rule, until_ms in rows}
        if self._away:
            self._away = False
            log.info("snoozes known again", snoozes=len(self._known))

    def __enter__(self) -> Self:
        """Know what is silent before anything is sent, then keep up with it."""
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread; a ClickHouse that is away is not waited for."""
        self._closed.set()
        self._thread.join(LEAVES_WITHIN_S)

    def _run(self) -> None:
        while not self._closed.wait(self._every_s):
            self.look()
        self._let_go()

    def _let_go(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _say_away(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            told = str(error).partition("\n")[0][:300]
            log.warning("snoozes not known", known_before=len(self._known), error=told)
