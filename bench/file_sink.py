"""A sink that is no database: rows go to Arrow files, so that a flow is measured without ClickHouse.

Rules: every row that the flow gives out is kept, so rows can be compared all the same; nothing is
acknowledged by anybody else, so a snapshot waits for nothing. Each table is one Arrow stream file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.clickhouse import PARTITIONS
from sinks.clickhouse_figures import SinkFigures
from windows.rows import Rows


class FileSink(FixedPartitionedSink[Rows, None]):
    """Writes `(shard, Rows)` to `folder`, which must exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, pa.RecordBatchStreamWriter] = {}
        self._rows: dict[str, int] = {}
        self._parts = 0

    def list_parts(self) -> list[str]:
        """Name all partitions, as the ClickHouse sink does."""
        return list(PARTITIONS)

    def part_fn(self, item_key: str) -> int:
        """Send shard '07' to partition '07'."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> FilePart:
        """Open a partition; all share the files."""
        del step_id, for_part, resume_state
        self._parts += 1
        return FilePart(self)

    def put(self, rows: Rows) -> None:
        """Append rows to the file of their table."""
        table = rows.frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if rows.table not in self._open:
            file = self._folder / f"{rows.table}.arrows"
            self._open[rows.table] = pa.ipc.new_stream(str(file), table.schema)
        self._open[rows.table].write_table(table)
        self._rows[rows.table] = self._rows.get(rows.table, 0) + rows.frame.height

    def figures(self) -> SinkFigures:
        """Tell what was written."""
        return SinkFigures(rows=dict(self._rows))

    def release(self) -> None:
        """Finish the files with the last partition."""
        self._parts -= 1
        while self._open and not self._parts:
            self._open.popitem()[1].close()


class FilePart(StatefulSinkPartition[Rows, None]):
    """One shard's way into the files."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink

    def write_batch(self, values: list[Rows]) -> None:
        """Append at once."""
        for rows in values:
            self._sink.put(rows)

    def snapshot(self) -> None:
        """Wait for nothing."""

    def close(self) -> None:
        """Let go of the files."""
        self._sink.release()


def latest_rows(folder: Path, table: str, key: Sequence[str]) -> pl.DataFrame:
    """Read a table's file; of each key the row with the highest version, times in epoch seconds."""
    file = folder / f"{table}.arrows"
    if not file.exists():
        return pl.DataFrame()
    with pa.memory_map(str(file)) as source:
        rows = pl.DataFrame(pa.ipc.open_stream(source).read_all())
    seconds = rows.with_columns(pl.col(pl.Datetime).dt.epoch("s"))
    return seconds.sort("version").unique(list(key), keep="last")
