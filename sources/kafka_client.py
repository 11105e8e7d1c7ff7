"""What every Kafka client of ours is told, and what we ask the broker before reading.

Rules:
- Fetching is tuned: `fetch.queue.backoff.ms` at its default of 1000 makes a fast reader wait (7x slower).
- Prefetch is bounded per partition, since every partition has its own consumer.
- An offset that the log no longer holds is an error, never a silent jump (`auto.offset.reset=error`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from topics.errors import BadInput, Broken, GamewaxError, NeedsOperator
from topics.servers import KafkaServer

ANSWER_S = 10.0  # how long the broker may take to answer a question at start

_FETCH: Mapping[str, str | int | bool] = {
    "auto.offset.reset": "error",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 2,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 6_144,
    "fetch.wait.max.ms": 100,
}

_silent = logging.getLogger("librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


@dataclass(frozen=True, slots=True)
class Log:
    """One topic as it is now: `id` is 8 hex digits of hash(cluster id, topic id)."""

    id: str
    topic: str
    partitions: int


class Bounds(NamedTuple):
    """What a partition holds: its first offset, and the one after its last."""

    low: int
    high: int


def consumer(
    kafka: KafkaServer, group: str, tuned: Mapping[str, str | int] = MappingProxyType({})
) -> Consumer:
    """Make a consumer that is assigned by hand and commits only what we tell it."""
    given = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": group}
    return Consumer({**_FETCH, **tuned, **given, **kafka.options}, logger=_silent)


def _admin(kafka: KafkaServer) -> AdminClient:
    return _kept_admin(kafka.bootstrap_servers, tuple(sorted(kafka.options.items())))


@lru_cache(maxsize=8)  # a new one takes 60 ms to answer, a kept one 2
def _kept_admin(servers: str, options: tuple[tuple[str, str | int | float | bool], ...]) -> AdminClient:
    soon = {"reconnect.backoff.max.ms": 1_000}
    return AdminClient({"bootstrap.servers": servers, **soon, **dict(options)}, logger=_silent)


def describe(kafka: KafkaServer, topic: str, within_s: float = ANSWER_S) -> Log:
    """Ask the broker for the topic's identity and partition count.

    Raises:
        BadInput: the broker does not answer, or has no such topic.

    """
    admin = _admin(kafka)
    try:
        metadata = admin.list_topics(timeout=within_s)
        if topic not in metadata.topics:
            raise BadInput(
                f"Kafka at {kafka.bootstrap_servers} has no topic {topic!r}: ./gamewax topics list names "
                "those that Gamewax knows, ./gamewax topics create makes them"
            )
        described = admin.describe_topics(TopicCollection([topic]), request_timeout=within_s)[topic].result()
    except KafkaException as error:
        raise BadInput(
            f"Kafka at {kafka.bootstrap_servers} does not answer ({error.args[0].str()}): is it running, "
            "and is GAMEWAX_KAFKA__BOOTSTRAP_SERVERS right? ./gamewax services status"
        ) from error
    named = f"{metadata.cluster_id}/{described.topic_id}"
    log = hashlib.sha256(named.encode()).hexdigest()[:8]
    return Log(log, topic, len(described.partitions))


def bounds(reader: Consumer, topic: str, partition: int) -> Bounds:
    """Ask for the first offset that the partition holds and the offset after its last.

    Raises:
        BadInput: the broker does not answer.

    """
    try:
        low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)
    except KafkaException as error:
        raise BadInput(f"Kafka does not answer for {topic}/{partition} ({error.args[0].str()})") from error
    return Bounds(low, high)


def log_ends(kafka: KafkaServer, log: Log, within_s: float = ANSWER_S) -> dict[int, int]:
    """Ask for the offset after the last message of every partition.

    Raises:
        BadInput: the broker does not answer, or not for all partitions.

    """
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    return {number: place.offset for number, place in _places(kafka, log, latest, within_s).items()}


def log_bounds(kafka: KafkaServer, log: Log, within_s: float = ANSWER_S) -> dict[int, Bounds]:
    """Ask what every partition holds.

    Raises:
        BadInput: the broker does not answer, or not for all partitions.

    """
    earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    lows, highs = _places(kafka, log, earliest, within_s), log_ends(kafka, log, within_s)
    return {number: Bounds(place.offset, highs[number]) for number, place in lows.items()}


def log_since(kafka: KafkaServer, log: Log, at_ms: int, within_s: float = ANSWER_S) -> dict[int, int]:
    """Ask for each partition's first offset with a Kafka time of `at_ms` or later; the end where none has.

    Raises:
        BadInput: the broker does not answer, or not for all partitions.

    """
    ends = log_ends(kafka, log, within_s)  # before, or what comes between would be left out
    since = OffsetSpec.for_timestamp(at_ms)
    found = _places(kafka, log, since, within_s)
    return {number: place.offset if place.offset >= 0 else ends[number] for number, place in found.items()}


def _places(
    kafka: KafkaServer, log: Log, asked: OffsetSpec, within_s: float
) -> dict[int, ListOffsetsResultInfo]:
    admin = _admin(kafka)
    places = {TopicPartition(log.topic, number): asked for number in range(log.partitions)}
    try:
        answers = admin.list_offsets(places, request_timeout=within_s)
        return {place.partition: answer.result() for place, answer in answers.items()}
    except KafkaException as error:
        raise BadInput(f"Kafka does not answer for {log.topic} ({error.args[0].str()})") from error


_OFFSET_GONE = {
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._LOG_TRUNCATION,
}
_PASSES = {
    KafkaError._PARTITION_EOF,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError._WAIT_COORD,
}


def lost_place(message: Message) -> bool:
    """Tell whether a polled "message" says that the log does not hold the offset to read next."""
    error = message.error()
    return error is not None and error.code() in _OFFSET_GONE


def trouble(message: Message, where: str) -> GamewaxError | None:
    """Give the error that a polled "message" stands for; None for a real one and for what passes."""
    error = message.error()
    if error is None or error.code() in _PASSES:
        return None
    if error.code() in _OFFSET_GONE:
        return NeedsOperator(
            f"{where}: the log does not hold the offset to read next any more ({error.str()})"
        )
    passes = error.retriable() and not error.fatal()
    return None if passes else Broken(f"{where}: {error.str()}")
