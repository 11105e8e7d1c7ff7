"""Looks after a running demo: asks for figures every second, shows them, notices what goes wrong.

Rules: rates are those of the last seconds; a look that fails is shown as trouble and tried again; a
flow that only a person can mend, or a simulator that cannot send, ends the demo with its own words.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Protocol

from clickhouse_connect.driver.exceptions import ClickHouseError

from cli.supervise import Flow
from demo.figures import Figures, Reader
from demo.screens import Screen
from demo.traffic import Sending
from demo.view import Moment
from embedded.services import BY_EXIT_CODE, SAID_BY_US, look
from topics.errors import Broken, GamewaxError

LOOK_EVERY_S = 1.0
NOTICE_S = 0.1
RATE_OVER = 6  # looks
CATCH_UP_WITHIN_S = 60.0
IN_A_HURRY_S = 20.0  # after Ctrl-C; usually 3 s are enough, and a second Ctrl-C gives up
DISORDER_MS = 2_000  # the watermark trails the newest event by this


class Asked(Protocol):
    """Whether somebody wants the demo to end."""

    @property
    def asked(self) -> bool:
        """True from then on."""


class Watch:
    """One demo under watch.

    Args:
        reader: of the tables.
        sending: the traffic, not started yet.
        flow: the process between, not started yet.
        folder: whose services are used.
        screen: where it is shown, entered by the caller.

    """

    def __init__(self, reader: Reader, sending: Sending, flow: Flow, folder: Path, screen: Screen) -> None:
        self.sending = sending
        self.traffic_s = 0.0
        self._reader, self._flow, self._folder, self._screen = reader, flow, folder, screen
        self._limit_s: float | None = None
        self._figures = Figures()
        self._looked_at = 0.0
        self._history: deque[tuple[float, int, int]] = deque(maxlen=RATE_OVER)
        self._unread = ""

    @property
    def caught_up(self) -> bool:
        """Tell whether the traffic has ended and the books have all of it."""
        return self.sending.ended() and self.read == self.sending.truth.total

    @property
    def read(self) -> int:
        """Count the messages that the flow's books have, at the window size that is furthest behind."""
        return min((book.read for book in self._figures.books), default=0)

    def traffic(self, ending: Asked, limit_s: float | None) -> None:
        """Let the traffic run until it is time or somebody asks.

        Raises:
            GamewaxError: the flow or the simulator cannot go on.

        """
        self._limit_s = limit_s
        self._flow.look()
        self.sending.start()
        began = time.monotonic()
        while not ending.asked and (limit_s is None or self.traffic_s < limit_s):
            self._step("traffic is running")
            self.traffic_s = time.monotonic() - began
        self.sending.stop()

    def rest(self, ending: Asked) -> None:
        """Wait until all that was sent is in the books, but not for ever.

        Raises:
            GamewaxError: the flow or the simulator cannot go on.

        """
        began = time.monotonic()
        while not self.caught_up:
            self._step("waiting for the last messages")
            if time.monotonic() - began > (IN_A_HURRY_S if ending.asked else CATCH_UP_WITHIN_S):
                return

    def _step(self, doing: str) -> None:
        """Notice what happened; look and show once a second."""
        self._flow.look()
        self._check()
        time.sleep(NOTICE_S)
        if time.monotonic() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            self._look()
            self._screen.show(self._moment(doing))

    def _check(self) -> None:
        """End the demo when a part cannot go on.

        Raises:
            GamewaxError: says which and why.

        """
        if self.sending.error:
            raise self.sending.error
        if self._flow.code is not None:
            raise self._words_of_flow(self._flow.code)
        if look(self._folder) is None:
            raise Broken(f"Kafka and ClickHouse were ended by somebody else; see {self._folder}/services.log")

    def _words_of_flow(self, code: int) -> GamewaxError:
        """Give the error that the flow told of last."""
        words = self._flow.log.read_text(errors="replace").splitlines() if self._flow.log else []
        said = next((line for line in reversed(words) if line.startswith(SAID_BY_US)), "")
        why = said.removeprefix(SAID_BY_US) or f"the flow ended with code {code}; see {self._flow.log}"
        return BY_EXIT_CODE.get(code, Broken)(why)

    def _look(self) -> None:
        try:
            self._figures = self._reader.look()
        except (ClickHouseError, OSError):
            self._unread = "ClickHouse does not answer"
        else:
            self._unread = ""
        self._history.append((time.monotonic(), self.sending.in_kafka, self._figures.settled))

    def _moment(self, doing: str) -> Moment:
        (then, sent, settled), (this, sent_now, settled_now) = self._history[0], self._history[-1]
        seconds = this - then or LOOK_EVERY_S
        newest_ms = self.sending.newest_ms(self.read) if self.read else None
        now_ms = time.time() * 1000  # noqa: TID251  what age means
        return Moment(
            doing=doing,
            traffic_s=self.traffic_s,
            limit_s=self._limit_s,
            in_kafka=sent_now,
            in_rate=(sent_now - sent) / seconds,
            out_rate=(settled_now - settled) / seconds,
            watermark_age_s=None if newest_ms is None else (now_ms - newest_ms + DISORDER_MS) / 1000,
            figures=self._figures,
            trouble=self._trouble(),
        )

    def _trouble(self) -> str:
        """Say what is not well now, if anything."""
        services = look(self._folder)
        if services and services.state.kafka.trouble:
            return f"Kafka: {services.state.kafka.trouble}"
        if services and services.state.clickhouse.trouble:
            return f"ClickHouse: {services.state.clickhouse.trouble}"
        if not self._flow.running:
            return f"the flow ended and starts again; see {self._flow.log}"
        return self._unread
