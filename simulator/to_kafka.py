"""Sends batches to Kafka as fast as it takes them.

Rules: keyed, in order, once, as `sinks.kafka` sets it up; what Kafka refuses ends the run. Only refusals are
reported message by message, so what was delivered is what was sent and no longer waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.batch import Batch
from sinks.kafka import ANSWER_WITHIN_S, Deliveries, drain, open_producer
from topics.errors import BadInput, Broken
from topics.servers import KafkaServer

AT_ONCE = 5_000  # messages handed over in one call
FAST: Mapping[str, str | int | float | bool] = {
    "queue.buffering.max.messages": 200_000,
    "delivery.report.only.error": True,
    "linger.ms": 20,
}


@dataclass(frozen=True, slots=True)
class FastServer:
    """A Kafka server with options for many messages; the caller's own come first."""

    bootstrap_servers: str
    group: str
    options: Mapping[str, str | int | float | bool]


class Sender:
    """One producer for all topics of a run."""

    def __init__(self, server: KafkaServer, topics: Iterable[str]) -> None:
        """Connect.

        Raises:
            BadInput: Kafka or a topic is not there.

        """
        first, *others = topics
        options = {**FAST, **server.options}
        self._room = int(options["queue.buffering.max.messages"]) - AT_ONCE
        self._producer = open_producer(FastServer(server.bootstrap_servers, server.group, options), first)
        for topic in others:
            known = self._producer.list_topics(topic, timeout=ANSWER_WITHIN_S).topics[topic]
            if known.error is not None:
                raise BadInput(
                    f"Kafka has no topic {topic!r}: run ./gamewax topics create ({known.error.str()})"
                )
        self._refusals = Deliveries()
        self._sent = 0

    @property
    def waiting(self) -> int:
        """Count the messages that Kafka has not confirmed yet."""
        return len(self._producer)

    @property
    def delivered(self) -> int:
        """Count the messages that Kafka has confirmed."""
        return self._sent - self.waiting

    def send(self, batch: Batch) -> None:
        """Queue messages; waits while the queue is full.

        Raises:
            Broken: Kafka refused a message.

        """
        messages: list[dict[str, bytes | None]] = [
            {"value": value, "key": key} for value, key in zip(batch.values, batch.keys, strict=True)
        ]
        for first in range(0, len(messages), AT_ONCE):
            some = messages[first : first + AT_ONCE]
            while self.waiting > self._room:
                self._producer.poll(0.01)
                self._refusals.check()
            queued = self._producer.produce_batch(batch.topic, some, on_delivery=self._refusals)
            self._sent += queued
            if queued < len(some):
                why = next(message["_error"] for message in some if "_error" in message)
                raise Broken(f"the Kafka client refused a message: {why!r}")
        self._producer.poll(0)
        self._refusals.check()

    def drain(self) -> None:
        """Wait until Kafka has all that was sent.

        Raises:
            Broken: Kafka refused a message.

        """
        drain(self._producer, self._refusals)
