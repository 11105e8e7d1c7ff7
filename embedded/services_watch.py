"""One service under watch: noticed when it dies, started again after a pause.

Rules: the pause doubles while the service keeps dying and is short again after a good life. The
caller gives the time. A service that ended with exit code 3 is not started again.
"""

from __future__ import annotations

import logging

from embedded.kafka import EmbeddedKafka
from embedded.services_clickhouse import ClickHouseChild
from embedded.services_state import Part
from topics.errors import GamewaxError, NeedsOperator

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
GOOD_LIFE_S = 60.0

log = logging.getLogger("supervisor")


class Watched:
    """A service and when it may be started again; times are seconds of one monotonic clock."""

    def __init__(self, name: str, service: EmbeddedKafka | ClickHouseChild, launched_at: float) -> None:
        self.name = name
        self.service = service
        self.trouble = ""
        self._launched_at = launched_at
        self._pause_s = FIRST_PAUSE_S
        self._again_at: float | None = None

    def part(self) -> Part:
        """Give what is written down about this service."""
        return Part(self.service.port, self.service.pid, self.trouble)

    def look(self, now: float) -> bool:
        """Start a dead service when its pause is over; gives whether anything changed.

        Raises:
            NeedsOperator: the service asked for a person.

        """
        if self.service.is_running:
            return False
        if self._again_at is None:
            self._plan(now, self.service.explain())
            return True
        if now < self._again_at:
            return False
        self._start_again(now)
        return True

    def _plan(self, now: float, error: GamewaxError) -> None:
        if isinstance(error, NeedsOperator):
            raise error
        good = now - self._launched_at > GOOD_LIFE_S
        self._pause_s = FIRST_PAUSE_S if good else min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._again_at = now + self._pause_s
        self.trouble = str(error)
        log.warning("%s is started again in %.1f s: %s", self.name, self._pause_s, error)

    def _start_again(self, now: float) -> None:
        self._launched_at = now
        try:
            self.service.launch()
        except GamewaxError as error:
            self._plan(now, error)
        else:
            self._again_at = None
            self.trouble = ""
            log.info("%s started again, pid %s", self.name, self.service.pid)
