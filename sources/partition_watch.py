"""Notices what happens to a topic while it is read: partitions added, the whole topic made anew, its ends.

Rules: it only says so; the readers end at an epoch's edge, or refuse to go on. It asks the broker itself,
so it knows how the log grows also while the readers wait, and when the broker last answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread

import structlog

from sources.kafka_client import Log, describe, log_ends
from topics.errors import BadInput
from topics.servers import KafkaServer

EVERY_S = 4.0  # so that health tells of a silent broker within 15 s
SOON_S = 2.0  # how long the broker may take when a snapshot waits for it


class PartitionWatch:
    """A thread that describes the topic now and then.

    Args:
        kafka: where Kafka is.
        log: the topic as it is read; the broker has just told it.
        monotonic: gives seconds that only grow.

    """

    def __init__(self, kafka: KafkaServer, log: Log, monotonic: Callable[[], float]) -> None:
        self._kafka, self._log, self._monotonic = kafka, log, monotonic
        self.answered_s = self._ours_s = monotonic()
        self.ends: Mapping[int, int] = {}
        self._closed = Event()
        self._partitions = log.partitions  # by the last look
        self.found_another: Log | None = None
        Thread(target=self._run, name="partition-watch", daemon=True).start()

    @property
    def found_more(self) -> bool:
        """Tell whether the topic has more partitions than are read."""
        return self._partitions > self._log.partitions

    def count(self, log: Log) -> None:
        """Take the log as it is read, where that is not as this process found it."""
        self._log = log

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def still_ours(self, since_s: float) -> bool:
        """Tell whether the topic was still the log that is read, at some time after `since_s`.

        A client that falls behind reads a topic that was created anew at its old offset, without a word. A
        broker that does not answer has not created anything since the last message.
        """
        if self._ours_s <= since_s and self.found_another is None:
            asked_s = self._monotonic()
            try:
                now = describe(self._kafka, self._log.topic, SOON_S)
            except BadInput:
                now = self._log
            self._ours_s = asked_s
            self.found_another = None if now.id == self._log.id else now
        return self.found_another is None

    def _run(self) -> None:
        while not self._closed.wait(EVERY_S):
            asked_s = self._monotonic()
            try:
                now = describe(self._kafka, self._log.topic)
                self.ends = log_ends(self._kafka, self._log)
                self.answered_s = self._monotonic()
            except BadInput:
                continue  # the readers say it when the broker is away or the topic gone
            if now.id != self._log.id:
                self.found_another = now
                return
            self._ours_s = asked_s
            if now.partitions > self._partitions:
                structlog.get_logger().info(
                    "topic has more partitions", topic=self._log.topic, partitions=now.partitions
                )
                self._partitions = now.partitions
