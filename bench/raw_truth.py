"""What the archive must hold of a load: each message once, under its offset, with its typed fields.

Rules: compared piece by piece, since neither side fits into memory twice; every column of a message is
compared, those that the load does not send must be empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from bench.check import Checked, Found, compared
from bench.load import PARTITIONS, Load, blocks

SENT = ("player_id", "session_id", "event_type", "level_id", "map_id", "timestamp")
ABOUT = ("log", "topic", "partition", "offset", "kafka_time", "replay_of", "ingested_at", "version")


@dataclass(frozen=True, slots=True)
class RawTruth:
    """The raw rows of a load, in `table`."""

    load: Load
    table: str

    def judge(self, found: Found) -> Checked:
        """Compare block by block, then look for rows beyond and for values in columns that were not sent."""
        checked = Checked(0, 0)
        for truth in placed(self.load):
            partition, first = int(truth["partition"][0]), int(truth["offset"][0])
            rows = found.ask(
                f"SELECT toInt64(partition) AS partition, offset, player_id, session_id, "
                "toString(event_type) AS event_type, level_id, map_id, "
                "toInt64(toUnixTimestamp64Milli(timestamp)) AS timestamp "
                f"FROM {{database}}.{self.table} FINAL WHERE partition = {partition} "
                f"AND offset BETWEEN {first} AND {first + truth.height - 1} AND ({self._nothing_else(found)})"
            )
            checked += compared(truth, rows, ["partition", "offset"], {})
        held = found.ask(f"SELECT toInt64(count()) AS n FROM {{database}}.{self.table} FINAL")["n"][0]
        return checked + Checked(0, 0, max(held - self.load.events, 0))

    def _nothing_else(self, found: Found) -> str:
        """Give the condition that a row holds nothing that was not sent."""
        columns = found.ask(
            "SELECT name, type FROM system.columns "
            f"WHERE database = '{{database}}' AND table = '{self.table}'"
        )
        others = columns.filter(~pl.col("name").is_in([*SENT, *ABOUT])).rows()
        empty = [f"{name} IS NULL" if "Nullable" in kind else f"{name} = ''" for name, kind in others]
        return " AND ".join([f"topic = '{self.load.topic}'", "replay_of IS NULL", *empty])


def placed(load: Load) -> Iterator[pl.DataFrame]:
    """Give each block's events of each partition, with their offsets."""
    ends = dict.fromkeys(range(PARTITIONS), 0)
    for block in blocks(load):
        for partition in range(PARTITIONS):
            events = block.filter(pl.col("player") % PARTITIONS == partition)
            if not events.height:
                continue
            yield events.select(
                pl.lit(partition, pl.Int64).alias("partition"),
                pl.int_range(ends[partition], ends[partition] + pl.len(), dtype=pl.Int64).alias("offset"),
                pl.format("player_{}", "player").alias("player_id"),
                pl.format("session_{}", "player").alias("session_id"),
                "event_type",
                pl.format("level_{}", "level").alias("level_id"),
                pl.format("map_{}", "map").alias("map_id"),
                pl.col("time_ms").alias("timestamp"),
            )
            ends[partition] += events.height
