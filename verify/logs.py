"""A topic written and read back by clients of their own, which share nothing with the flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from confluent_kafka import Consumer, Producer, TopicPartition

from verify.troubled import Sent

ANSWER_S = 20.0
FLUSH_EVERY = 20_000  # messages; librdkafka's queue holds 100,000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message as the log holds it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    arrived_ms: int


def producing(bootstrap_servers: str) -> dict[str, str | int | bool]:
    """Give a producer's options: in order, each message once."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "linger.ms": 5,
        "enable.idempotence": True,
        "log_level": 0,
    }


def write(bootstrap_servers: str, topic: str, messages: Iterable[Sent]) -> None:
    """Produce messages and wait until all are acknowledged."""
    producer = Producer(producing(bootstrap_servers))
    rest = iter(messages)
    while chunk := list(islice(rest, FLUSH_EVERY)):
        for sent in chunk:
            producer.produce(topic, sent.value, sent.key, sent.partition)
        if left := producer.flush(ANSWER_S):
            raise TimeoutError(f"{left} messages were not acknowledged")


def ends(bootstrap_servers: str, topic: str) -> Mapping[int, tuple[int, int]]:
    """Give the first offset and the one after the last, per partition."""
    reader = _reader(bootstrap_servers)
    try:
        known = reader.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions
        return {
            number: reader.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_S)
            for number in sorted(known)
        }
    finally:
        reader.close()


def read_back(bootstrap_servers: str, topic: str) -> list[Recorded]:
    """Read all messages of a topic that are there now."""
    reader, found = _reader(bootstrap_servers), []
    try:
        for partition, (low, high) in ends(bootstrap_servers, topic).items():
            reader.assign([TopicPartition(topic, partition, low)])
            position = low
            while position < high:  # marks of transactions count as offsets, so do not wait for the last one
                for message in reader.consume(min(5_000, high - position), 0.2):
                    error = message.error()
                    position = (message.offset() or 0) + (error is None)
                    if error is None and position <= high:
                        at = partition, position - 1
                        found.append(Recorded(*at, message.key(), message.value(), message.timestamp()[1]))
    finally:
        reader.close()
    return found


def _reader(bootstrap_servers: str) -> Consumer:
    return Consumer({
        "bootstrap.servers": bootstrap_servers, "group.id": "verify", "enable.auto.commit": False,
        "auto.offset.reset": "error", "enable.partition.eof": True, "log_level": 0,
    })  # fmt: skip
