"""Notices partitions that are added to a topic while it is read."""

from __future__ import annotations

from threading import Event, Thread

import structlog

from settings import Kafka
from sources.kafka_client import Log, describe
from topics.errors import BadInput

EVERY_S = 10.0


class PartitionWatch:
    """A thread that asks for the partition count now and then, and stops the source when it grew.

    Args:
        kafka: where Kafka is.
        log: the topic as it is read.
        stop: set to end the source; the thread ends with it.

    """

    def __init__(self, kafka: Kafka, log: Log, stop: Event) -> None:
        self._kafka, self._log, self._stop = kafka, log, stop
        self.found_more = False
        Thread(target=self._run, name="partition-watch", daemon=True).start()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                now = describe(self._kafka, self._log.topic)
            except BadInput:
                continue  # the readers say it when the broker is away
            if now.partitions > self._log.partitions:
                structlog.get_logger().info(
                    "topic has more partitions", topic=self._log.topic, partitions=now.partitions
                )
                self.found_more = True
                self._stop.set()
