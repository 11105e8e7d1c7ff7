"""Many raw messages to a columnar batch and rejects, total for any bytes.

Rules: `len(rows) + len(rejects) == len(values)`, always. What becomes of a message depends on its bytes
and its record's Kafka timestamp, never on its neighbours. Columns and their types are the same for every
batch of a topic. `topics.strict` defines what is good; `topics.columns` is the quick way to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from topics.columns import Sure, read_sure
from topics.errors import Broken
from topics.fields import COLUMN, Fields, fields_of
from topics.rejects import Fault, Reject
from topics.strict import Cell, decode_one
from topics.topic import Topic

EVENT_TIME = "event_time"

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded batch.

    `rows` (int64, ascending) are the indexes of the good messages, `frame` has one row for each of them
    with the columns of `schema_of`, `rejects` (ascending by row) are the others. `complete` are the rows of
    the frame whose messages surely have no field but its columns.
    """

    rows: Ints
    frame: pl.DataFrame
    rejects: list[Reject]
    complete: Ints = field(default_factory=lambda: np.empty(0, np.int64))


def schema_of(topic: Topic) -> dict[str, pl.DataType]:
    """Name the columns of a topic's batch: its fields, and `event_time` (epoch ms) for the time field."""
    fields = fields_of_topic(topic)
    schema = {_column(topic, field.name): COLUMN[field.kind] for field in fields.all}
    return schema if topic.time is not None else schema | {EVENT_TIME: pl.Int64()}


def decode(topic: Topic, values: Sequence[bytes | None], arrived_ms: Ints) -> Decoded:
    """Decode a batch; `arrived_ms` are the records' Kafka timestamps (epoch ms), one for each value."""
    fields = fields_of_topic(topic)
    sure = read_sure(fields, topic.time, values, arrived_ms)
    doubtful = np.ones(len(values), np.bool_)
    doubtful[sure.rows] = False
    rows: list[int] = []
    events: list[list[Cell]] = []
    rejects: list[Reject] = []
    for row in np.flatnonzero(doubtful).tolist():
        event = decode_one(fields, topic.time, values[row], int(arrived_ms[row]))
        if isinstance(event, Fault):
            rejects.append(Reject(row, event.reason, event.path, event.error))
        else:
            rows.append(row)
            events.append(event)
    good = _in_order(sure, rows, events)
    frame = _named(topic, good.frame, arrived_ms[good.rows])
    return Decoded(good.rows, frame, rejects, np.flatnonzero(good.complete))


def _in_order(sure: Sure, rows: list[int], events: list[list[Cell]]) -> Sure:
    """Put the events decoded one by one between the others."""
    if not rows:
        return sure
    both = np.concatenate([sure.rows, np.array(rows, np.int64)])
    order = np.argsort(both)
    late = pl.DataFrame(events, schema=sure.frame.schema, orient="row")
    complete = np.append(sure.complete, np.zeros(len(rows), np.bool_))
    return Sure(both[order], pl.concat([sure.frame, late])[order], complete[order])


def _named(topic: Topic, frame: pl.DataFrame, arrived_ms: Ints) -> pl.DataFrame:
    """Give the time its name; events without a time of their own take the record's."""
    if topic.time is None:
        return frame.with_columns(pl.Series(EVENT_TIME, arrived_ms))
    return frame.rename({topic.time: EVENT_TIME})


def _column(topic: Topic, name: str) -> str:
    return EVENT_TIME if name == topic.time else name


def fields_of_topic(topic: Topic) -> Fields:
    """Read the fields of a topic's events.

    Raises:
        Broken: the topic has no event struct.

    """
    if topic.event is None:
        raise Broken(f"topic {topic.name} has no event struct: nothing can decode it")
    return fields_of(topic.event)
