"""What an earlier replay into a topic has sent, should it have died before it could note it.

Rules:
- Before the first letter of a replay is sent, the ends of the topic's partitions are noted; after the
  last one is marked in ClickHouse, the note is crossed out. The next replay that finds a note reads the
  log from there and knows by the headers what arrived, so a crash sends nothing twice.
- The note is the committed offsets of a consumer group of its own, so it lies beside the log that it
  is about, on whatever machine the next replay runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from sources.kafka_client import ANSWER_S, Log, bounds, consumer, trouble
from sources.messages import position_after, replays
from topics.dead_letters import Replay
from topics.errors import BadInput
from topics.servers import KafkaServer

DONE = "done"  # any other text: the log that the note is about
WAIT_S = 0.5  # for messages, at a time


class Journal:
    """The note about replays into one topic; a `with` block closes the connection."""

    def __init__(self, kafka: KafkaServer, log: Log) -> None:
        self._kafka, self._log = kafka, log
        self._group = f"{kafka.group}-replay-{log.topic}"
        self._reader: Consumer = consumer(kafka, self._group)
        self._begins: Mapping[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def begin(self) -> frozenset[tuple[str, int]]:
        """Note where the log ends, and give what a replay that died has sent: letter ids and their replays.

        Raises:
            BadInput: Kafka does not answer, or does not let us commit.

        """
        limits = {part: bounds(self._reader, self._log.topic, part) for part in range(self._log.partitions)}
        try:
            noted = self._noted()
            begins = {part: max(low, noted.get(part, high)) for part, (low, high) in limits.items()}
            self._note(begins, self._log.id)
            self._begins = begins
        except KafkaException as error:
            raise BadInput(
                f"Kafka keeps no offsets for group {self._group} ({error.args[0].str()}), and without them "
                "a replay that dies could send letters twice: allow this group"
            ) from error
        found = (self._replays(part, begins[part], high) for part, (_, high) in limits.items())
        return frozenset((replay.id, replay.replays) for part in found for replay in part)

    def end(self) -> None:
        """Cross the note out: everything that was sent is marked."""
        self._note(self._begins, DONE)
        self._reader.close()
        options = {"bootstrap.servers": self._kafka.bootstrap_servers, "log_level": 0, **self._kafka.options}
        admin = AdminClient(options)  # its answers come only while it lives
        deleted: Future[None] = admin.delete_consumer_groups([self._group])[self._group]
        with suppress(KafkaException, TimeoutError):  # not allowed: the note stays, crossed out
            deleted.result(ANSWER_S)

    def _noted(self) -> Mapping[int, int]:
        places = [TopicPartition(self._log.topic, part) for part in range(self._log.partitions)]
        told = self._reader.committed(places, timeout=ANSWER_S)
        return {of.partition: of.offset for of in told if of.offset >= 0 and of.metadata == self._log.id}

    def _note(self, offsets: Mapping[int, int], text: str) -> None:
        places = [
            TopicPartition(self._log.topic, part, offset, metadata=text) for part, offset in offsets.items()
        ]
        self._reader.commit(offsets=places, asynchronous=False)

    def _replays(self, partition: int, begin: int, end: int) -> Iterator[Replay]:
        """Read a stretch of a partition for messages that are replays."""
        if begin >= end:
            return
        self._reader.assign([TopicPartition(self._log.topic, partition, begin)])
        position = begin
        while position < end:
            polled = self._reader.consume(min(10_000, end - position), WAIT_S)
            for problem in filter(None, (trouble(of, f"{self._log.topic}/{partition}") for of in polled)):
                raise problem
            yield from replays([of for of in polled if of.error() is None]).values()
            position = position_after(polled, position)
