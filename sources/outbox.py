"""The topic of messages to send, read in order from where the dispatcher's store is, and handed on at once.

Rules: what was handed on is kept when `take` returns; only then its place goes to Kafka, where lag tools see
it. The place in the store counts. Waits are short: a record is here some milliseconds after it was written.
A topic that was made anew is read from its beginning, and so is a partition that came later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from sources.kafka_client import ANSWER_S, Log, consumer, describe, log_bounds, lost_place, trouble
from topics.errors import BadInput, NeedsOperator
from topics.servers import KafkaServer

log = structlog.get_logger()

AT_ONCE, WAIT_S = 500, 0.25
SOON: Mapping[str, str | int] = {"fetch.wait.max.ms": 10}
LOOK_S = 10.0  # between looks at the topic: new partitions, a new topic
COMMIT_S = 1.0
COORDINATOR_S = 30.0  # a new cluster first makes its topic of offsets
SHORT_S, PAUSE_S = 0.2, 1.0  # while Kafka is away at the start


@dataclass(frozen=True, slots=True)
class Taking:
    """Whom messages are handed to.

    `places` gives the offsets to read next in a log, `take` keeps messages with the offsets after them,
    `ending` tells when to end, `on_gap` what to do when messages are gone unread (stop, earliest, latest).
    """

    places: Callable[[str], Mapping[int, int]]
    take: Callable[[str, list[Message], Mapping[int, int]], None]
    ending: Callable[[], bool]
    on_gap: str = "stop"


@dataclass(slots=True)
class Standing:
    """Where reading stands, for figures; `high` is the end of each partition as last told."""

    topic: str
    log: str = ""
    next: dict[int, int] = field(default_factory=dict)
    high: dict[int, int] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    answered_s: float = float("-inf")  # on the monotonic clock


def group_of(server: KafkaServer) -> str:
    """Name the consumer group that lag tools see."""
    return f"{server.group}-webhooks"


def committed(server: KafkaServer, found: Log) -> dict[int, int]:
    """Ask which offsets were last told to Kafka, for a store that is gone.

    Raises:
        BadInput: Kafka does not answer.

    """
    reader = consumer(server, group_of(server))
    give_up_at = time.monotonic() + COORDINATOR_S
    places = [TopicPartition(found.topic, partition) for partition in range(found.partitions)]
    try:
        while True:
            try:
                answers = reader.committed(places, timeout=ANSWER_S)
            except KafkaException as error:  # a broker that has just started has no coordinator yet
                if time.monotonic() > give_up_at:
                    what = error.args[0].str()
                    raise BadInput(f"Kafka does not answer for {found.topic} ({what})") from error
                time.sleep(SHORT_S)
            else:
                return {place.partition: place.offset for place in answers if place.offset >= 0}
    finally:
        reader.close()


class OutboxReader:
    """Reads the topic until it is told to end."""

    def __init__(self, server: KafkaServer, topic: str, taking: Taking) -> None:
        self._server, self._taking = server, taking
        self.standing = Standing(topic)
        self._group, self._said = group_of(server), ""

    def run(self) -> None:
        """Read and hand on, until told to end.

        Raises:
            NeedsOperator: messages are gone unread.
            Broken: Kafka says what no wait mends.

        """
        reader = consumer(self._server, self._group, SOON)
        try:
            while not self._taking.ending():
                try:
                    found = self._described()
                    self._begin(reader, found)
                except BadInput as error:
                    self._away(str(error))
                    time.sleep(PAUSE_S)
                else:
                    self._round(reader, found)
        finally:
            reader.close()

    def _described(self) -> Log:
        found = describe(self._server, self.standing.topic)
        self.standing.answered_s, self._said = time.monotonic(), ""
        return found

    def _away(self, why: str) -> None:
        """Say once that Kafka is away, or has no such topic."""
        if why != self._said:
            self._said = why
            log.warning("waiting for kafka", why=why)

    def _begin(self, reader: Consumer, found: Log) -> None:
        """Go to where the store is."""
        standing, known = self.standing, self._taking.places(found.id)
        standing.log, standing.next = found.id, {}
        for partition, (low, high) in log_bounds(self._server, found).items():
            offset = known.get(partition, low)
            if not low <= offset <= high:
                offset = self._after_gap(partition, offset, low, high)
            standing.next[partition], standing.high[partition] = offset, high
        reader.assign([TopicPartition(found.topic, *place) for place in standing.next.items()])

    def _after_gap(self, partition: int, offset: int, low: int, high: int) -> int:
        """Say where to go on when the log does not hold what is to be read next.

        Raises:
            NeedsOperator: the settings say to stop.

        """
        what = f"{self.standing.topic}/{partition}: {offset} is to be read next, the log has {low} to {high}"
        if self._taking.on_gap == "stop":
            raise NeedsOperator(
                f"{what}: messages that were never sent are gone, or the log was cut. "
                "To go on behind the gap: GAMEWAX_KAFKA__ON_GAP=earliest (or latest) ./gamewax webhooks run"
            )
        log.warning("gap", what=what, goes_on=self._taking.on_gap)
        return low if self._taking.on_gap == "earliest" else high

    def _round(self, reader: Consumer, found: Log) -> None:
        """Read until the topic has changed, an offset is gone or we are told to end."""
        commit_at, look_at = 0.0, time.monotonic() + LOOK_S
        while not self._taking.ending():
            polled = _polled(reader)
            if any(lost_place(message) for message in polled):
                return  # the next beginning says what is gone
            for problem in filter(None, (trouble(message, found.topic) for message in polled)):
                raise problem
            self._hand_on(found, [message for message in polled if message.error() is None])
            now = time.monotonic()
            if now >= commit_at:
                commit_at = now + COMMIT_S
                self._tell(reader, found)
            if now >= look_at:
                look_at = now + LOOK_S
                if self._is_another(found):
                    return

    def _is_another(self, found: Log) -> bool:
        try:
            return self._described() != found
        except BadInput as error:
            self._away(str(error))
            return False

    def _hand_on(self, found: Log, messages: list[Message]) -> None:
        if not messages:
            return
        places = {_partition(message): _offset(message) + 1 for message in messages}
        self._taking.take(found.id, messages, places)
        standing = self.standing
        standing.next.update(places)
        for message in messages:
            partition = _partition(message)
            standing.read[partition] = standing.read.get(partition, 0) + 1

    def _tell(self, reader: Consumer, found: Log) -> None:
        """Tell Kafka where we are, and ask it for the ends; both only for figures."""
        places = [TopicPartition(found.topic, *place) for place in self.standing.next.items()]
        with suppress(KafkaException):
            reader.commit(offsets=places, asynchronous=True)
            for place in places:
                _, high = reader.get_watermark_offsets(place, cached=True)
                self.standing.high[place.partition] = max(high, self.standing.next[place.partition])


def _polled(reader: Consumer) -> list[Message]:
    """Wait for a message, and take what is there with it: `consume` alone would wait for a full batch."""
    first = reader.poll(WAIT_S)
    return [] if first is None else [first, *reader.consume(AT_ONCE - 1, 0)]


def _partition(message: Message) -> int:
    partition = message.partition()
    assert partition is not None  # noqa: S101  a record has one
    return partition


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None  # noqa: S101  a record has one
    return offset
