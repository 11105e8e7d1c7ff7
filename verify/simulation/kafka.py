"""A topic in memory, and the few methods of a Kafka consumer that the real source uses on it.

Rules: messages are real `confluent_kafka.Message` objects. A fetch may bring any part of what is there, also
nothing; what the group was told is kept, so that it can be held against what was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from confluent_kafka import KafkaError, Message, TopicPartition

from sources.kafka_client import Log

LOG_ID = "cafe0123"
KEY = b"key"


@dataclass(frozen=True, slots=True)
class Nowhere:
    """The address of a Kafka that is only memory."""

    bootstrap_servers: str = "simulated:0"
    group: str = "gamewax"
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(slots=True)
class Topic:
    """One topic: its partitions' messages, and what the consumer group was told."""

    name: str
    logs: list[list[Message]] = field(default_factory=list)
    told: dict[int, int] = field(default_factory=dict)

    def append(self, partition: int, value: bytes | None, arrived_ms: int) -> int:
        """Add a message; gives its offset."""
        log = self.logs[partition]
        made = Message(
            topic=self.name, partition=partition, offset=len(log), key=KEY, value=value,
            timestamp=(1, arrived_ms),
        )  # fmt: skip
        log.append(made)
        return len(log) - 1


class MemoryConsumer:
    """A consumer of one partition, assigned by hand.

    Args:
        topic: where it reads.
        random: decides how much a fetch brings.

    """

    def __init__(self, topic: Topic, random: Random) -> None:
        self._topic, self._random = topic, random
        self._log: list[Message] = []
        self._partition = self._position = -1
        self._marked = -1
        self.closed = False

    def assign(self, places: Sequence[TopicPartition]) -> None:
        """Stand at an offset."""
        (place,) = places
        self._partition, self._position = place.partition, place.offset
        self._log, self._marked = self._topic.logs[place.partition], -1

    def seek(self, place: TopicPartition) -> None:
        """Stand at another offset."""
        self.assign([place])

    def consume(self, most: int, timeout: float) -> list[Message]:
        """Give some of the next messages, or a mark at the end; with time to wait at least one."""
        rest = self._log[self._position : self._position + most]
        if not rest:
            if self._marked == self._position:
                return []
            self._marked = self._position
            error = KafkaError(KafkaError._PARTITION_EOF)  # noqa: SLF001  librdkafka's name
            return [
                Message(topic=self._topic.name, partition=self._partition, offset=self._position, error=error)
            ]
        count = self._random.choice((len(rest), self._random.randint(0, len(rest))))
        taken = rest[: max(count, 1 if timeout else 0)]
        self._position += len(taken)
        return taken

    def get_watermark_offsets(
        self, place: TopicPartition, timeout: float = 0.0, *, cached: bool = False
    ) -> tuple[int, int]:
        """Give the log's bounds."""
        del timeout, cached
        return 0, len(self._topic.logs[place.partition])

    def commit(self, offsets: Sequence[TopicPartition], *, asynchronous: bool) -> None:
        """Tell the group."""
        del asynchronous
        for place in offsets:
            self._topic.told[place.partition] = place.offset

    def close(self) -> None:
        """Leave."""
        self.closed = True


class Judge(Executor):
    """One background thread that works when it is told to: `step` does the oldest piece of work."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a piece of work."""
        future: Future[Any] = Future()
        self._waiting.append((future, partial(fn, *args, **kwargs)))
        return future

    def step(self) -> bool:
        """Do one piece; tells whether there was any."""
        if not self._waiting:
            return False
        future, work = self._waiting.pop(0)
        future.set_result(work())
        return True

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  the interface
        """Forget what waits."""
        del wait, cancel_futures
        self._waiting.clear()


@dataclass(slots=True)
class Watch:
    """Stands where `PartitionWatch` would; the driver says when it looks."""

    topic: Topic
    log: Log
    answered_s: float = 0.0
    found_more: bool = False
    found_another: Log | None = None
    ends: Mapping[int, int] = field(default_factory=dict)

    def look(self) -> None:
        """Notice added partitions."""
        self.found_more = len(self.topic.logs) > self.log.partitions

    def count(self, log: Log) -> None:
        """Compare with the topic as it is read."""
        self.log = log

    def still_ours(self, since_s: float) -> bool:  # noqa: ARG002
        """Tell that the topic is never created anew here."""
        return True

    def close(self) -> None:
        """Do nothing: there is no thread."""
