"""Asks the broker again and again where a topic's partitions end: what proves that they are silent.

Rules:
- An answer holds for the moment at which it was asked for, and says since when the broker has been there.
- After our start, and after the broker (or we) were away, that begins only once those who write had time to
  find the broker again: after as long as it was away, `SETTLES_S` at most.
- A thread of its own asks: a reader's question waits up to 100 ms for its own fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Thread

from sources.kafka_client import Log, log_ends
from topics.errors import BadInput
from topics.servers import KafkaServer

SETTLES_S = 15.0  # Kafka's C client tries to connect again after 10 s at most, and half as much at random
LOST_AFTER = 3  # questions' time without an answer: the broker, or we, were away


@dataclass(frozen=True, slots=True)
class Ends:
    """Where partitions ended at a moment; `there_since_s` is from when on the broker's silence counts."""

    asked_s: float
    there_since_s: float
    ends: Mapping[int, int]


@dataclass(slots=True)
class Presence:
    """Since when the broker has been there, answer by answer; `every_s` is the time between questions."""

    every_s: float
    _answered_s: float | None = None
    _failed: bool = False
    _since_s: float = 0.0

    def failed(self) -> None:
        """Note a question without an answer."""
        self._failed = True

    def answered(self, asked_s: float) -> float:
        """Note an answer; gives from when on silence counts."""
        away_s = SETTLES_S if self._answered_s is None else asked_s - self._answered_s
        if self._failed or away_s > LOST_AFTER * self.every_s:
            self._since_s = asked_s + min(away_s, SETTLES_S)
        self._answered_s, self._failed = asked_s, False
        return self._since_s


class EndWatch:
    """A thread that asks; `latest` is its last answer, None without one.

    Args:
        kafka: where Kafka is.
        log: the topic as it is read.
        monotonic: gives seconds that only grow.
        every_s: seconds between questions; None: nobody wants to know.

    """

    def __init__(
        self, kafka: KafkaServer, log: Log, monotonic: Callable[[], float], every_s: float | None
    ) -> None:
        self._kafka, self._log, self._monotonic = kafka, log, monotonic
        self._closed = Event()
        self._latest: Ends | None = None
        if every_s is not None:
            Thread(target=self._run, args=[every_s], name="end-watch", daemon=True).start()

    def latest(self) -> Ends | None:
        """Give the last answer."""
        return self._latest

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def _run(self, every_s: float) -> None:
        presence = Presence(every_s)
        while not self._closed.wait(every_s):
            asked_s = self._monotonic()
            try:
                ends = log_ends(self._kafka, self._log, every_s)
            except BadInput:
                presence.failed()  # the readers say it when the broker is away
                continue
            self._latest = Ends(asked_s, presence.answered(asked_s), ends)
