"""A topic read back with everything that a record has, also headers that no client can decode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, TopicPartition

from verify.logs import ends
from verify.poison.form import Header

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a log; `headers` are empty where their names are no UTF-8."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    arrived_ms: int
    headers: tuple[Header, ...]


def read_log(bootstrap_servers: str, topic: str) -> Iterator[Record]:
    """Read all records that a topic holds now, partition by partition, in order."""
    reader = Consumer({
        "bootstrap.servers": bootstrap_servers, "group.id": "verify", "enable.auto.commit": False,
        "auto.offset.reset": "error", "enable.partition.eof": True, "log_level": 0,
        "queued.max.messages.kbytes": 32_768,
    })  # fmt: skip
    try:
        for partition, (low, high) in ends(bootstrap_servers, topic).items():
            yield from _partition(reader, TopicPartition(topic, partition, low), high)
    finally:
        reader.close()


def _partition(reader: Consumer, place: TopicPartition, high: int) -> Iterator[Record]:
    reader.assign([place])
    position = place.offset
    while position < high:  # marks of transactions and compaction leave holes, so the end is a position
        for message in reader.consume(min(AT_ONCE, high - position), 0.2):
            offset = message.offset()
            position = max(position, (offset or 0) + (message.error() is None))
            if message.error() is None and offset is not None and offset < high:
                yield Record(
                    place.partition, offset, message.key(), message.value(), message.timestamp()[1],
                    _headers(message),
                )  # fmt: skip


def _headers(message: Message) -> tuple[Header, ...]:
    try:
        headers = next(map(Message.headers, [message]), None)  # called plainly its error comes up elsewhere
    except SystemError:  # the client cannot decode a name
        return ()
    return tuple(headers) if isinstance(headers, list) else ()
