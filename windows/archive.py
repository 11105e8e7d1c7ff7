"""The archive's lane: every good message becomes one raw row, also duplicates and late ones.

Rules:
- A row follows from its message alone: typed columns named as the fields, what we do not know of the
  event in `extra`, and the message's identity. So a replay writes the same row under the same key.
- No ring and no windows; the watermark moves on all the same, for those who look at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import polars as pl

from topics.decode import EVENT_TIME, Decoded, decode, fields_of_topic
from topics.extra import extras
from topics.fields import Kind
from topics.topic import Topic
from windows.lane import dead_letters
from windows.plan import Plan
from windows.replays import original
from windows.rows import Rows
from windows.take import Arrivals, LaneState, Take

TIME = pl.Datetime("ms", "UTC")
PLACE = ("log", "topic", "partition", "offset")
MONEY = pl.Decimal(18, 4)
UNITS, UNIT = pl.Decimal(38, 0), pl.Series(["0.0001"]).cast(pl.Decimal(38, 4))


@dataclass(slots=True)
class ArchiveLane:
    """Keeps one partition's good messages as rows of its topic's raw table.

    Args:
        plan: the flow's, without windows.
        topic: whose events these are.
        state: where the lane stands.
        partitions: how many partitions the topic has.

    """

    plan: Plan
    topic: Topic
    state: LaneState
    partitions: int

    def remember(self, arrivals: Arrivals) -> None:
        """Learn nothing: here no event is a duplicate."""

    def take(self, arrivals: Arrivals) -> Take:
        """Turn a batch into rows and dead letters; the lane moves past it."""
        decoded = decode(self.topic, arrivals.values, arrivals.arrived_ms)
        dead = tuple(dead_letters(self.state, decoded, arrivals))
        rows = raw_rows(self.topic, self.state, decoded, arrivals)
        times_ms = decoded.frame[EVENT_TIME].to_numpy()
        self.state = msgspec.structs.replace(
            self.state,
            next_offset=int(arrivals.offsets[-1]) + 1,
            newest_ms=max(self.state.newest_ms, int(times_ms.max(initial=self.state.newest_ms))),
            read=self.state.read + len(arrivals),
            dead=self.state.dead + len(dead),
        )
        return Take(self.state, dead=dead, rows=(rows,) if rows.frame.height else ())

    def raise_floor(self, floor_ms: int) -> Take:
        """Note a committed floor; no window waits for it."""
        self.state = msgspec.structs.replace(self.state, floor_ms=max(self.state.floor_ms, floor_ms))
        return Take(self.state)


def table_of(topic: Topic) -> str:
    """Name the view of a topic's raw events: `player-events` lie in `player_events`."""
    return topic.name.replace("-", "_")


def raw_rows(topic: Topic, state: LaneState, decoded: Decoded, arrivals: Arrivals) -> Rows:
    """Give the raw rows of a decoded batch; column by column, as an expression would wait for a thread."""
    rows = decoded.rows
    log, of, partition, offset = place_columns(topic)
    frame = pl.DataFrame(
        [
            *_fields(topic, decoded.frame),
            extras(topic, decoded, arrivals.values),
            pl.Series(log, [state.log]).new_from_index(0, len(rows)),
            pl.Series(of, [state.topic]).new_from_index(0, len(rows)),
            pl.Series(partition, [state.partition], pl.Int32).new_from_index(0, len(rows)),
            pl.Series(offset, arrivals.offsets[rows], pl.Int64),
            pl.Series("kafka_time", arrivals.arrived_ms[rows], pl.Int64).cast(TIME),
            _replayed(state, decoded, arrivals),
        ]
    )
    return Rows(f"{table_of(topic)}_upserts", frame)


def place_columns(topic: Topic) -> tuple[str, ...]:
    """Name the columns of a message's own place: `record_log` … where its fields name another's.

    >>> from topics import fraud_labels, purchase_events
    >>> place_columns(purchase_events.TOPIC), place_columns(fraud_labels.TOPIC)[0]
    (('log', 'topic', 'partition', 'offset'), 'record_log')

    """
    own = "record_" if "partition" in fields_of_topic(topic).at else ""
    return tuple(f"{own}{name}" for name in PLACE)


def _fields(topic: Topic, frame: pl.DataFrame) -> Iterator[pl.Series]:
    """Give each field as its column has it: `decode` keeps times and money as integers."""
    for field in fields_of_topic(topic).all:
        column = frame[EVENT_TIME if field.name == topic.time else field.name]
        if field.kind is Kind.TIME:
            column = column.cast(TIME)
        elif field.kind is Kind.MONEY:
            column = (column.cast(UNITS) * UNIT).cast(MONEY)
        yield column.alias(field.name)


def _replayed(state: LaneState, decoded: Decoded, arrivals: Arrivals) -> pl.Series:
    """Give the offset of the dead letter that a message replays; null for all others."""
    found = pl.Series("replay_of", [None], pl.Int64).new_from_index(0, len(decoded.rows))
    if not arrivals.replays:
        return found
    first = [original(state, arrivals, row).offset for row in decoded.rows.tolist()]
    own = pl.Series(arrivals.offsets[decoded.rows], dtype=pl.Int64)
    return found.zip_with(pl.Series(first, dtype=pl.Int64) == own, pl.Series(first, dtype=pl.Int64))


def stored_columns(topic: Topic) -> Iterator[str]:
    """Give each field of a raw table as `decode` has it, for SQL: times and money as integers."""
    for field in fields_of_topic(topic).all:
        name = f"`{field.name}`"
        if field.kind is Kind.TIME:
            taken = f"toUnixTimestamp64Milli({name})"
        elif field.kind is Kind.MONEY:
            taken = f"toInt64({name} * 10000)"
        else:
            taken = name
        yield f"{taken} AS `{EVENT_TIME if field.name == topic.time else field.name}`"
