"""Many raw messages to a columnar batch and rejects, total for any bytes.

Rules: `len(rows) + len(rejects) == len(values)`, always. What becomes of a message depends on its bytes
and its record's Kafka timestamp, never on its neighbours. Columns and their types are the same for every
batch of a topic. `topics.strict` defines what is good; `topics.columns` is the quick way to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from topics.errors import Broken
from topics.fields import COLUMN, Fields, fields_of
from topics.rejects import Fault, Reject
from topics.strict import Cell, decode_one
from topics.topic import Topic

EVENT_TIME = "event_time"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded batch.

    `rows` (int64, ascending) are the indexes of the good messages, `frame` has one row for each of them
    with the columns of `schema_of`, `rejects` (ascending by row) are the others.
    """

    rows: npt.NDArray[np.int64]
    frame: pl.DataFrame
    rejects: list[Reject]


def schema_of(topic: Topic) -> dict[str, pl.DataType]:
    """Name the columns of a topic's batch: its fields, and `event_time` (epoch ms) for the time field."""
    fields = _fields(topic)
    schema = {_column(topic, field.name): COLUMN[field.kind] for field in fields.all}
    return schema if topic.time is not None else schema | {EVENT_TIME: pl.Int64()}


def decode(topic: Topic, values: Sequence[bytes | None], arrived_ms: npt.NDArray[np.int64]) -> Decoded:
    """Decode a batch; `arrived_ms` are the records' Kafka timestamps (epoch ms), one for each value."""
    fields = _fields(topic)
    slow = range(len(values))
    good: list[int] = []
    cells: list[list[Cell]] = []
    rejects: list[Reject] = []
    for row in slow:
        event = decode_one(fields, topic.time, values[row], int(arrived_ms[row]))
        if isinstance(event, Fault):
            rejects.append(Reject(row, event.reason, event.path, event.error))
        else:
            good.append(row)
            cells.append(event if topic.time is not None else [*event, int(arrived_ms[row])])
    rows = np.array(good, np.int64)
    frame = pl.DataFrame(cells, schema=schema_of(topic), orient="row")
    return Decoded(rows, frame, rejects)


def _column(topic: Topic, name: str) -> str:
    return EVENT_TIME if name == topic.time else name


def _fields(topic: Topic) -> Fields:
    if topic.event is None:
        raise Broken(f"topic {topic.name} has no event struct: nothing can decode it")
    return fields_of(topic.event)
