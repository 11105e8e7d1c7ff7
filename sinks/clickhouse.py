"""The ClickHouse sink of a flow: 16 partitions, one per shard, in front of one writer a process.

Rules: a partition holds nothing itself. Its snapshot returns only when all rows that were put are
acknowledged, so no epoch commits before its rows. The sink has no state: rows are upserts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Lock

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.clickhouse_client import Server
from sinks.clickhouse_figures import SinkFigures
from sinks.clickhouse_writer import ClickHouseWriter, Pace
from windows.rows import Rows

PARTITIONS = tuple(f"{number:02d}" for number in range(16))  # as many as shards; a step's keys are these


class ClickHouseSink(FixedPartitionedSink[Rows, None]):
    """Writes `(shard, Rows)`; `now` is monotonic seconds, `random` spreads retries.

    Rows of the tables `left_out` are another count's, and are not written.
    """

    def __init__(
        self,
        server: Server,
        now: Callable[[], float],
        random: Random,
        pace: Pace | None = None,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._server = server
        self._now = now
        self._random = random
        self._pace = pace
        self._left_out = left_out
        self._lock = Lock()
        self._writer: ClickHouseWriter | None = None
        self._open_parts = 0
        self._last_figures = SinkFigures()

    def list_parts(self) -> list[str]:
        """Name all partitions: any process can write any of them."""
        return list(PARTITIONS)

    def part_fn(self, item_key: str) -> int:
        """Send shard '07' to partition '07'."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> ClickHousePartition:
        """Open a partition on the process's writer, which the first one starts."""
        del step_id, for_part, resume_state
        with self._lock:
            if self._writer is None:
                self._writer = ClickHouseWriter(self._server, self._now, self._random, self._pace)
            self._open_parts += 1
            return ClickHousePartition(self._writer, self._release, self._left_out)

    def figures(self) -> SinkFigures:
        """Tell what was written and what waits; any thread may ask, also before and after the run."""
        writer = self._writer
        return self._last_figures if writer is None else writer.figures()

    def _release(self) -> None:
        """End the writer with its last partition."""
        with self._lock:
            self._open_parts -= 1
            if self._open_parts == 0 and self._writer is not None:
                try:
                    self._writer.close()
                finally:
                    self._last_figures, self._writer = self._writer.figures(), None


class ClickHousePartition(StatefulSinkPartition[Rows, None]):
    """One shard's way into the writer."""

    def __init__(
        self, writer: ClickHouseWriter, release: Callable[[], None], left_out: frozenset[str]
    ) -> None:
        self._writer = writer
        self._release = release
        self._left_out = left_out

    def write_batch(self, values: list[Rows]) -> None:
        """Queue rows; waits while the queue is full."""
        for rows in values:
            if rows.table not in self._left_out:
                self._writer.put(rows)

    def snapshot(self) -> None:
        """Wait until everything put before is acknowledged."""
        self._writer.flush()

    def close(self) -> None:
        """Let go of the writer."""
        self._release()
