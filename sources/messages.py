"""Kafka messages as columns: a poll at once, since a message object holds three times its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from confluent_kafka import KafkaError, Message

from windows.take import Arrivals


def offset_of(message: Message) -> int:
    """Give the offset; a message that was consumed has one."""
    offset = message.offset()
    return -1 if offset is None else offset


def arrivals(messages: Sequence[Message]) -> Arrivals:
    """Turn consumed messages of one partition, none of them an error, into columns."""
    offsets = np.arange(0)
    if messages:
        first, last = offset_of(messages[0]), offset_of(messages[-1])
        offsets = np.arange(first, last + 1)
        if last - first + 1 != len(messages):  # compacted, or other producers' transaction marks
            offsets = np.array([offset_of(message) for message in messages], np.int64)
    return Arrivals(
        values=[message.value() for message in messages],
        offsets=offsets,
        arrived_ms=np.array([message.timestamp()[1] for message in messages], np.int64),
        keys=[message.key() for message in messages],
    )


def joined(polls: Sequence[Arrivals]) -> Arrivals:
    """Put polls of one partition together."""
    return Arrivals(
        values=list(chain.from_iterable(poll.values for poll in polls)),
        offsets=np.concatenate([poll.offsets for poll in polls]),
        arrived_ms=np.concatenate([poll.arrived_ms for poll in polls]),
        keys=list(chain.from_iterable(poll.keys for poll in polls)),
    )


def position_after(polled: Sequence[Message], position: int) -> int:
    """Give the position after a poll; an end-of-partition mark also says where reading stands."""
    known = [
        offset_of(message) + (message.error() is None)
        for message in polled
        if (error := message.error()) is None or error.code() == KafkaError._PARTITION_EOF
    ]
    return max([position, *known])
