"""What we send to Kafka: a producer set up the one way we want it, sinks on it, and dead letters.

Rules: a message is delivered once and in order or the flow stops; waiting for Kafka is said once.
The value of a dead letter follows from the message alone: every flow and every run write the same
bytes under the same key, so the compacted topic holds each message once. A replay that is bad again is
written under its original's key.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Generic, TypeVar

import structlog
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from topics.dead_letters import DeadLetter
from topics.errors import BadInput, Broken
from topics.servers import KafkaServer

log = structlog.get_logger()

DEAD_LETTERS = "dead-letters"
PARTITIONS = ("0", "1", "2", "3")  # of the sink, not of the topic
ANSWER_WITHIN_S = 5.0
SAY_WAITING_AFTER_S = 10
LONGEST_RAW = 600_000  # bytes of JSON text; a record may have 1,000,000
LONGEST_KEY = 60_000
Options = Mapping[str, str | int | float | bool]
OPTIONS: Options = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 10,
    "compression.type": "lz4",
    "partitioner": "murmur2_random",  # the partition that Java's clients choose for a key
    "delivery.timeout.ms": 0,  # wait for Kafka for ever, as for ClickHouse
    "queue.buffering.max.kbytes": 32_768,  # as much as waits for ClickHouse; its default is 1 GB
}
Letter = TypeVar("Letter")
Written = Callable[[Letter], tuple[bytes, bytes]]


def open_producer(server: KafkaServer, topic: str, tuned: Options | None = None) -> Producer:
    """Open a producer once Kafka has said that it has the topic.

    Raises:
        BadInput: nobody answers, an option is wrong, or the topic does not exist.

    """
    options = {**OPTIONS, **(tuned or {}), **server.options, "bootstrap.servers": server.bootstrap_servers}
    try:
        producer = Producer({**options, "log_level": 0})
    except KafkaException as error:
        raise BadInput(f"GAMEWAX_KAFKA__OPTIONS: {error.args[0].str()}") from error
    try:
        known = producer.list_topics(topic, timeout=ANSWER_WITHIN_S).topics[topic]
    except KafkaException as error:
        raise BadInput(
            f"Kafka does not answer at {server.bootstrap_servers}: check GAMEWAX_KAFKA__BOOTSTRAP_SERVERS, "
            f"or start one with ./gamewax services start --detach ({error.args[0].str()})"
        ) from error
    if known.error is not None:
        raise BadInput(f"Kafka has no topic {topic!r}: run ./gamewax topics create ({known.error.str()})")
    return producer


class Deliveries:
    """Remembers the first message that Kafka refused."""

    def __init__(self) -> None:
        self.delivered = 0
        self._refused: KafkaError | None = None

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Take Kafka's answer to one message."""
        del message
        if error is None:
            self.delivered += 1
        elif self._refused is None:
            self._refused = error

    def check(self) -> None:
        """Raise what went wrong.

        Raises:
            Broken: Kafka refused a message for good.

        """
        if self._refused is not None:
            raise Broken(f"Kafka refused a message: {self._refused.str()}")


def send(producer: Producer, topic: str, key: bytes, value: bytes | None, delivered: Deliveries) -> None:
    """Queue one message; waits while the producer's queue is full.

    Raises:
        Broken: Kafka refused a message.

    """
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=delivered)
        except BufferError:
            producer.poll(0.1)
            delivered.check()
        else:
            return


def drain(producer: Producer, delivered: Deliveries) -> None:
    """Wait until Kafka has all that was sent; says once that it waits.

    Raises:
        Broken: Kafka refused a message.

    """
    waited_s = 0
    while left := producer.flush(1.0):
        delivered.check()
        waited_s += 1
        if waited_s == SAY_WAITING_AFTER_S:
            log.warning("kafka_away", messages_waiting=left)
    delivered.check()
    if waited_s >= SAY_WAITING_AFTER_S:
        log.info("kafka_back", waited_s=waited_s)


class KafkaTopic(FixedPartitionedSink[Letter, None], Generic[Letter]):
    """Sends `(key, letter)` to a topic; any key will do.

    Args:
        server: where Kafka is; what it says of the client counts more than `tuned`.
        topic: its name.
        written: gives a letter's key and value.
        tuned: options of librdkafka beside `OPTIONS`.

    """

    def __init__(self, server: KafkaServer, topic: str, written: Written[Letter], tuned: Options) -> None:
        self._server, self._topic, self._written, self._tuned = server, topic, written, tuned
        self._lock = Lock()
        self._producer: Producer | None = None

    def list_parts(self) -> list[str]:
        """Name all partitions: any process can send."""
        return list(PARTITIONS)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> KafkaTopicPartition[Letter]:
        """Open a partition on the process's producer, which the first one opens.

        Raises:
            BadInput: Kafka or the topic is not there.

        """
        del step_id, for_part, resume_state
        with self._lock:
            self._producer = self._producer or open_producer(self._server, self._topic, self._tuned)
            return KafkaTopicPartition(self._producer, self._topic, self._written)


class KafkaTopicPartition(StatefulSinkPartition[Letter, None], Generic[Letter]):
    """One way into the producer."""

    def __init__(self, producer: Producer, topic: str, written: Written[Letter]) -> None:
        self._producer, self._topic, self._written = producer, topic, written
        self._delivered = Deliveries()

    def write_batch(self, values: list[Letter]) -> None:
        """Queue letters; waits while the producer's queue is full."""
        for letter in values:
            send(self._producer, self._topic, *self._written(letter), self._delivered)
        self._producer.poll(0)
        self._delivered.check()

    def snapshot(self) -> None:
        """Wait until Kafka has everything."""
        drain(self._producer, self._delivered)

    def close(self) -> None:
        """Wait until Kafka has everything."""
        drain(self._producer, self._delivered)


class DeadLetterTopic(KafkaTopic[DeadLetter]):
    """Sends `(key, DeadLetter)` to the topic `dead-letters`."""

    def __init__(self, server: KafkaServer, topic: str = DEAD_LETTERS) -> None:
        super().__init__(server, topic, lambda letter: (record_key(letter), record_value(letter)), {})


def record_key(letter: DeadLetter) -> bytes:
    """Name the message for ever, also when its topic is made anew."""
    return letter.id.encode()


def record_value(letter: DeadLetter) -> bytes:
    """Write a dead letter as JSON, always the same bytes.

    A key or raw value that is no UTF-8 text, or too long for a record, stands as `key_base64` or
    `raw_base64`, cut where it must be; the table has it whole.
    """
    seen = datetime.fromtimestamp(letter.first_seen_ms / 1000, UTC).isoformat(timespec="milliseconds")
    fields = {
        "reason": letter.reason,
        "path": letter.path,
        "error": letter.error,
        "log": letter.log,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "first_seen": seen.replace("+00:00", "Z"),
        **({"replays": letter.replays} if letter.replays else {}),
        **as_field("key", letter.key, LONGEST_KEY),
        **as_field("raw", letter.raw, LONGEST_RAW),
    }
    return compact(fields)


def as_field(name: str, content: bytes, longest: int) -> dict[str, str | int]:
    """Make bytes a JSON field; what is cut has its whole length beside it."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and len(compact(text)) <= longest:
        return {name: text}
    room = longest // 4 * 3
    coded: dict[str, str | int] = {f"{name}_base64": b64encode(content[:room]).decode()}
    if len(content) > room:
        coded[f"{name}_bytes"] = len(content)
    return coded


def compact(content: object) -> bytes:
    """Write JSON without blanks."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
