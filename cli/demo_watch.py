"""Looks after a running demo: asks for figures every second, shows them, notices what goes wrong.

Rules: rates are those of the last seconds; a look that fails is shown as trouble and tried again; a
flow that only a person can mend, or a simulator that cannot send, ends the demo with its own words.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clickhouse_connect.driver.exceptions import ClickHouseError

from cli.demo_flows import Flows
from cli.demo_webhooks import Webhooks
from demo.figures import Figures, Progress
from demo.moment import Moment, Pace
from demo.reader import Reader
from demo.screens import Screen
from demo.streams import STREAMS, Stream
from demo.traffic import Sending
from embedded.services import look
from topics.errors import Broken

LOOK_EVERY_S = 1.0
NOTICE_S = 0.1
RATE_OVER = 6  # looks
CATCH_UP_WITHIN_S = 60.0
IN_A_HURRY_S = 20.0  # after Ctrl-C; usually 3 s are enough, and a second Ctrl-C gives up


class Asked(Protocol):
    """Whether somebody wants the demo to end."""

    @property
    def asked(self) -> bool:
        """True from then on."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a demo plays with: the traffic, not started yet; flows; who is told; tables; where it is shown."""

    sending: Sending
    flows: Flows
    webhooks: Webhooks
    reader: Reader
    folder: Path
    screen: Screen

    def look(self) -> None:
        """Start what is due.

        Raises:
            GamewaxError: a flow or the dispatcher cannot go on.

        """
        self.flows.look()
        self.webhooks.look()

    def let_others(self) -> None:
        """Let start what nobody waits to see."""
        self.flows.let_others()
        self.webhooks.let()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: seconds of a steady clock, messages in Kafka, the tables."""

    at_s: float
    in_kafka: int
    figures: Figures


class Watch:
    """One demo under watch; the screen is entered by the caller."""

    def __init__(self, stage: Stage) -> None:
        self.sending = stage.sending
        self.traffic_s = 0.0
        self._stage = stage
        self._limit_s: float | None = None
        self._figures = Figures()
        self._looks: deque[Look] = deque(maxlen=RATE_OVER)
        self._unread = ""

    @property
    def unread(self) -> str:
        """Say which flow's books lack messages once the traffic has ended; empty when they have all of it."""
        for stream in STREAMS:
            must_be = sum(self.sending.truth.counts.kinds[topic].total() for topic in stream.topics)
            read = sum(self._progress(stream).read.values())
            if read != must_be:
                return f"{stream.flow} had read {read:,} of {must_be:,}"
        return ""

    @property
    def caught_up(self) -> bool:
        """Tell whether the traffic has ended and the books have all of it."""
        return self.sending.ended() and not self.unread

    def traffic(self, ending: Asked, limit_s: float | None) -> None:
        """Let the traffic run until it is time or somebody asks.

        Raises:
            GamewaxError: a flow or the simulator cannot go on.

        """
        self._limit_s = limit_s
        self._stage.look()
        self.sending.start()
        began = time.monotonic()
        while not ending.asked and (limit_s is None or self.traffic_s < limit_s):
            self._step()
            self.traffic_s = time.monotonic() - began
        self.sending.stop()

    def rest(self, ending: Asked) -> None:
        """Wait until all that was sent is in the books, but not for ever.

        Raises:
            GamewaxError: a flow or the simulator cannot go on.

        """
        began = time.monotonic()
        self._stage.let_others()
        while not self.caught_up:
            self._step(ended=True)
            if time.monotonic() - began > (IN_A_HURRY_S if ending.asked else CATCH_UP_WITHIN_S):
                return

    def _step(self, *, ended: bool = False) -> None:
        """Notice what happened; look and show once a second."""
        self._stage.look()
        self._check()
        time.sleep(NOTICE_S)
        if not self._looks or time.monotonic() - self._looks[-1].at_s >= LOOK_EVERY_S:
            self._look()
            self._stage.screen.show(self._moment(ended=ended))
            if self._figures.has_rows:
                self._stage.let_others()

    def _check(self) -> None:
        """End the demo when a part cannot go on.

        Raises:
            Exception: what the simulator met.
            Broken: the services are gone.

        """
        if self.sending.error:
            raise self.sending.error
        folder = self._stage.folder
        if look(folder) is None:
            raise Broken(f"Kafka and ClickHouse were ended by somebody else; see {folder}/services.log")

    def _look(self) -> None:
        at_s = time.monotonic()
        try:
            self._figures = self._stage.reader.look()
        except (ClickHouseError, OSError):
            self._unread = "ClickHouse does not answer"
        else:
            self._unread = ""
        self._looks.append(Look(at_s, self.sending.in_kafka, self._figures))

    def _moment(self, *, ended: bool) -> Moment:
        first, last = self._looks[0], self._looks[-1]
        seconds = last.at_s - first.at_s or LOOK_EVERY_S
        return Moment(
            traffic_s=self.traffic_s,
            limit_s=self._limit_s,
            in_kafka=last.in_kafka,
            in_rate=(last.in_kafka - first.in_kafka) / seconds,
            paces={stream.flow: self._pace(stream, first.figures, seconds) for stream in STREAMS},
            figures=self._figures,
            webhooks=self._stage.webhooks.receiver.tally,
            trouble=self._trouble(),
            ended=ended,
        )

    def _pace(self, stream: Stream, before: Figures, seconds: float) -> Pace:
        """Say how fast a flow is, and how long its oldest unread message has been waiting."""
        progress, earlier = self._progress(stream), before.flows.get(stream.flow, Progress())
        rate = (progress.settled - earlier.settled) / seconds
        if not progress.books:
            return Pace(rate, None)
        waiting = [
            since_ms
            for topic in stream.topics
            if (since_ms := self.sending.unread_since_ms(topic, progress.read.get(topic, 0))) is not None
        ]
        now_ms = time.time() * 1000  # noqa: TID251  what age means
        return Pace(rate, max((now_ms - min(waiting, default=now_ms)) / 1000, 0.0))

    def _progress(self, stream: Stream) -> Progress:
        return self._figures.flows.get(stream.flow, Progress())

    def _trouble(self) -> str:
        """Say what is not well now, if anything."""
        services = look(self._stage.folder)
        if services and services.state.kafka.trouble:
            return f"Kafka: {services.state.kafka.trouble}"
        if services and services.state.clickhouse.trouble:
            return f"ClickHouse: {services.state.clickhouse.trouble}"
        return self._stage.flows.trouble or self._stage.webhooks.trouble or self._unread
