"""Reads a small topic whole: from its beginning, and again and again to its end of the moment.

Rules:
- A read is done when every message that the topic held at its begin has been heard, in each partition's
  order; a transaction that is still open is waited for. New partitions are read from their beginning.
- What the log has lost unread (trimmed, compacted) is gone for a later start too, so reading goes on with
  what is there, and says so. A topic that was made anew, or cut, is no more what was heard: it gives up.
- A message that its hearer refuses is told with its place and counted; the next one is heard.
- Nothing is committed: each start hears all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from confluent_kafka import KafkaError, Message, TopicPartition

from sources.kafka_client import consumer, describe, log_bounds, log_ends, lost_place, trouble
from sources.messages import offset_of
from topics.errors import BadInput, Broken
from topics.servers import KafkaServer
from topics.times import EARLIEST_MS, LATEST_MS

Hear = Callable[[bytes, bytes | None, int, int, int], None]
"""Takes a message: key, value (None: the key's is no more), Kafka time (epoch ms), partition, offset.

It raises `BadInput` for a message that is no good.
"""

AT_ONCE, WAIT_S = 1_000, 0.05  # messages a poll takes, and how long it waits for them
ANSWER_S = 3.0  # how long Kafka may take before it is said to be away
SAID_AFTER = 60  # polls in a row that bring nothing, about 3 s
TOLD_ONE_BY_ONE = 20  # refused messages; what comes after is only counted

log = structlog.get_logger()


class SideReader:
    """One reader of one topic.

    Args:
        kafka: where Kafka is.
        topic: its name.
        hear: takes each message.

    Raises:
        BadInput: Kafka does not answer, or has no such topic.

    """

    def __init__(self, kafka: KafkaServer, topic: str, hear: Hear) -> None:
        self._kafka, self._hear = kafka, hear
        self._log = describe(kafka, topic)
        self._at: dict[int, int] = {}  # the next offset of each partition
        self._reader = consumer(kafka, f"{kafka.group}-side")
        self.heard = self.refused = 0

    def read(self, goes_on: Callable[[], bool]) -> bool:
        """Hear all that the topic holds now; False when it does not go on to the end.

        Raises:
            BadInput: Kafka does not answer.
            Broken: the topic is not the one that was read before.

        """
        self._look()
        ends, in_vain = self._ends(), 0
        while behind := [number for number, end in ends.items() if self._at[number] < end]:
            if not goes_on():
                return False
            polled = self._reader.consume(AT_ONCE, WAIT_S)
            in_vain = 0 if polled else in_vain + 1
            if in_vain == SAID_AFTER:
                self._say_waiting(behind[0], ends)
            for message in polled:
                self._take(message)
        return True

    def close(self) -> None:
        """Leave Kafka; waits for it."""
        self._reader.close()

    def _look(self) -> None:
        """See whether the topic is the same, and whether it has more partitions."""
        now = describe(self._kafka, self._log.topic, ANSWER_S)
        if now.id != self._log.id:
            raise Broken(f"topic {now.topic} was created anew: start again, and what it says now counts")
        self._log = now
        if new := set(range(now.partitions)) - self._at.keys():
            self._place(new)

    def _ends(self) -> Mapping[int, int]:
        """Ask where each partition ends."""
        ends = log_ends(self._kafka, self._log, ANSWER_S)
        for number, end in ends.items():
            if self._at[number] > end:
                raise self._cut(number, end)
        return ends

    def _cut(self, number: int, end: int) -> Broken:
        return Broken(
            f"{self._log.topic}/{number} was read to offset {self._at[number]} and ends at {end} now: "
            "it was cut; start again to read it as it is"
        )

    def _place(self, new: set[int]) -> None:
        """Begin partitions at their beginning, and leave the others where they are."""
        held = log_bounds(self._kafka, self._log)
        self._at |= {number: held[number].low for number in new}
        self._reader.assign([TopicPartition(self._log.topic, *place) for place in self._at.items()])

    def _take(self, message: Message) -> None:
        number = message.partition()
        if number is None:
            return
        if lost_place(message):
            self._find_place(number)
        elif message.error() is None:
            self._at[number] = offset_of(message) + 1
            self._tell(message, number)
        elif (problem := trouble(message, f"{self._log.topic}/{number}")) is not None:
            raise problem
        elif _at_end(message):
            self._at[number] = max(self._at[number], offset_of(message))

    def _tell(self, message: Message, number: int) -> None:
        """Hand a message to the hearer."""
        came_ms = min(max(message.timestamp()[1], EARLIEST_MS), LATEST_MS)
        self.heard += 1
        try:
            self._hear(message.key() or b"", message.value(), came_ms, number, offset_of(message))
        except BadInput as error:
            self.refused += 1
            if self.refused <= TOLD_ONE_BY_ONE:
                place = {"topic": self._log.topic, "partition": number, "offset": offset_of(message)}
                log.warning("message_refused", **place, reason=str(error))
            if self.refused == TOLD_ONE_BY_ONE:
                log.warning("more_refused_messages_are_only_counted", topic=self._log.topic)

    def _find_place(self, number: int) -> None:
        """Go on with the first message that is there, where those before it are gone."""
        at, (low, high) = self._at[number], log_bounds(self._kafka, self._log)[number]
        if at > high:
            raise self._cut(number, high)
        log.warning("messages_gone_unread", topic=self._log.topic, partition=number, first=at, next=low)
        self._at[number] = max(at, low)
        self._place(set())

    def _say_waiting(self, number: int, ends: Mapping[int, int]) -> None:
        log.warning(
            "side_topic_waits",
            topic=self._log.topic,
            partition=number,
            offset=self._at[number],
            end=ends[number],
            reason="Kafka is slow or away, or a producer's transaction is open",
        )


def _at_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF
