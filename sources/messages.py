"""Kafka messages as columns: a poll at once, since a message object holds three times its bytes.

Rules: where producers say when a record came, they may say anything (-10^15 is taken by every broker); a time
outside 1970-2105 stands as the nearer end, since no column and no clock holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from operator import length_hint

import numpy as np
from confluent_kafka import KafkaError, Message

from topics.dead_letters import Replay, replay_of
from topics.times import EARLIEST_MS, LATEST_MS
from windows.arrays import Ints
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
        values=list(map(Message.value, messages)),
        offsets=offsets,
        arrived_ms=within_calendar([message.timestamp()[1] for message in messages]),
        keys=list(map(Message.key, messages)),
        replays=replays(messages),
    )


def within_calendar(times_ms: list[int]) -> Ints:
    """Give times as a column, those outside the calendar as its nearer end."""
    column = np.array(times_ms, np.int64)
    wild = len(column) and (column.min() < EARLIEST_MS or column.max() > LATEST_MS)
    return np.clip(column, EARLIEST_MS, LATEST_MS) if wild else column


def bytes_of(poll: Arrivals) -> int:
    """Count the bytes of a poll's keys and values."""
    return sum(map(len, filter(None, chain(poll.values, poll.keys))))


def replays(messages: Sequence[Message]) -> Mapping[int, Replay]:
    """Find the messages whose headers name an original; 25 ns a message when none has headers."""
    found: dict[int, Replay] = {}
    rest = iter(messages)
    with_headers = filter(None, map(Message.headers, rest))
    while True:
        try:
            headers = next(with_headers, None)
        except SystemError:  # the client's, for a header whose name is no UTF-8; never ask that message again
            continue
        if headers is None:
            return found
        if (replay := replay_of(headers)) is not None:
            found[len(messages) - length_hint(rest) - 1] = replay


def joined(polls: Sequence[Arrivals]) -> Arrivals:
    """Put polls of one partition together."""
    values: list[bytes | None] = []
    keys: list[bytes | None] = []
    for poll in polls:
        values += poll.values
        keys += poll.keys
    return Arrivals(
        values=values,
        offsets=np.concatenate([poll.offsets for poll in polls]),
        arrived_ms=np.concatenate([poll.arrived_ms for poll in polls]),
        keys=keys,
        replays=_joined_replays(polls),
    )


def _joined_replays(polls: Sequence[Arrivals]) -> Mapping[int, Replay]:
    begins = accumulate((len(poll) for poll in polls), initial=0)
    return {
        begin + row: replay
        for begin, poll in zip(begins, polls, strict=False)
        for row, replay in poll.replays.items()
    }


def position_after(polled: Sequence[Message], position: int) -> int:
    """Give the position after a poll; an end-of-partition mark also says where reading stands."""
    known = [
        offset_of(message) + (message.error() is None)
        for message in polled
        if (error := message.error()) is None or error.code() == KafkaError._PARTITION_EOF
    ]
    return max([position, *known])
