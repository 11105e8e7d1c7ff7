"""How fast rows go into the ClickHouse engine: `python -m bench.sink [ROWS]`.

One writer, the upsert table of `engagement_by_level`, frames of 5,000 rows from one thread, an
embedded engine of its own. The count of rows that are readable is compared before a figure is said.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random
from time import monotonic, perf_counter, process_time

import polars as pl

from embedded.clickhouse import EmbeddedClickHouse
from settings import ClickHouse, Settings
from sinks.clickhouse_client import connect
from sinks.clickhouse_writer import ClickHouseWriter
from sinks.migrations import migrate
from windows.rows import Rows

FRAME = 5_000
GOAL = 200_000  # rows a second
COUNTS = ("events", "moves", "interactions", "level_starts", "level_completes", "level_fails", "players")


def frame(first: int) -> pl.DataFrame:
    """Make rows that differ in their key: 50 levels, 10 maps, windows of 10 s."""
    number = pl.int_range(first, first + FRAME, eager=True, dtype=pl.Int64)
    return pl.DataFrame(
        {
            "game_id": ["quest"] * FRAME,
            "level_id": "level_" + (number % 50).cast(pl.String),
            "map_id": "map_" + (number // 50 % 10).cast(pl.String),
            "window_seconds": pl.Series([10] * FRAME, dtype=pl.UInt32),
            "window_start": (1_772_000_000 + number // 500 * 10).cast(pl.UInt32),
            **{name: (number * 31 % 1000).cast(pl.UInt64) for name in COUNTS},
            "version": number.cast(pl.UInt64),
        }
    )


def main(rows: int) -> int:
    """Write, count, and say the figure; 0 only when the goal is met."""
    frames = [frame(first) for first in range(0, rows, FRAME)]
    with tempfile.TemporaryDirectory() as folder, EmbeddedClickHouse(Path(folder)) as engine:
        server = ClickHouse(url=engine.url, user=engine.user)
        migrate(Settings(clickhouse=server))
        writer = ClickHouseWriter(server, monotonic, Random(1))
        began, cpu = perf_counter(), process_time()
        for one in frames:
            writer.put(Rows("engagement_by_level_upserts", one))
        writer.close()
        took, cpu = perf_counter() - began, process_time() - cpu
        client = connect(server, server.database)
        readable = client.query("SELECT count() FROM engagement_by_level").result_rows[0][0]
        client.close()
    sent = len(frames) * FRAME
    rate = sent / took
    met = readable == sent and rate >= GOAL
    print(
        f"{'OK' if met else 'FALLS SHORT'} sink: {rate:,.0f} rows/s ({sent:,} sent, {readable:,} readable, "
        f"{cpu / sent * 1e6:.2f} us/row of the writer's CPU; goal {GOAL:,})"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000))
