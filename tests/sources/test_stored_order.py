"""Pieces of stored purchases, one after the other, are the order of the log: each row once."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from sources.stored_order import Stretch, cut, merged

STEP_MS = 100
Log = list[tuple[int, int]]  # partition, Kafka time

messages = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2_000)), min_size=1, max_size=60)


def rows_of(log: Log) -> pl.DataFrame:
    offsets = [0, 0, 0]
    rows = []
    for partition, kafka_ms in log:
        offsets[partition] += 1
        rows.append(("l", partition, offsets[partition], kafka_ms))
    return pl.DataFrame(rows, schema=["log", "partition", "offset", "kafka_time_ms"], orient="row")


def in_order(rows: pl.DataFrame) -> list[tuple[int, int]]:
    """Merge by the newest Kafka time shown, as plainly as can be."""
    newest: dict[int, int] = {}
    found = []
    for _, partition, offset, kafka_ms in rows.sort("partition", "offset").iter_rows():
        newest[partition] = max(kafka_ms, newest.get(partition, 0))
        found.append((newest[partition], partition, offset))
    return [(partition, offset) for _, partition, offset in sorted(found)]


@given(messages, st.integers(1, 20))
def test_pieces_follow_each_other_in_the_order_of_the_log(log: Log, most: int) -> None:
    rows = rows_of(log)
    ends = {
        partition: len(mine) + 1
        for partition in range(3)
        if (mine := rows.filter(partition=partition)).height
    }
    stretches = [Stretch("l", partition, 1, 1, 1, end, end, 0, None) for partition, end in ends.items()]
    steps = (
        rows.group_by("log", "partition", step=pl.col("kafka_time_ms") // STEP_MS)
        .agg(first=pl.col("offset").min(), rows=pl.len())
        .cast({"rows": pl.Int64})
    )
    found: list[tuple[int, int]] = []
    for piece in cut(steps, stretches, most):
        within = pl.any_horizontal(
            (pl.col("partition") == of.partition)
            & (pl.col("offset") >= of.first)
            & (pl.col("offset") < of.end)
            for of in piece.parts
        )
        part = merged(rows.filter(within).sort("partition", "offset"))
        found += part.select("partition", "offset").iter_rows()
    assert found == in_order(rows)
