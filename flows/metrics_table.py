"""The same numbers as rows of `pipeline_metrics`, written now and then through a connection of their own.

Rules: it never disturbs the flow. What cannot be written is dropped and counted, never queued; a refusal
(no such table, no right) is said once in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import polars as pl
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.clickhouse_client import Server, open_client
from sinks.clickhouse_errors import Verdict, judge, root_cause
from sinks.clickhouse_insert import block, insert
from sinks.metric import Sample
from topics.errors import GamewaxError
from windows.rows import Rows

TABLE = "pipeline_metrics"
ANSWER_S = 10  # longer than that is as good as away: the numbers would be old


class MetricsTable:
    """Writes samples of one process; one thread uses it. `monotonic` gives seconds that only grow."""

    def __init__(self, server: Server, flow: str, process: str, monotonic: Callable[[], float]) -> None:
        self._server, self._flow, self._process, self._monotonic = server, flow, process, monotonic
        self._client: Client | None = None
        self._refused = False
        self.missed = 0
        self.away_since_s: float | None = None

    def write(self, time: datetime, samples: Sequence[Sample]) -> None:
        """Write one look's samples, or count a miss."""
        try:
            self._client = self._client or open_client(self._server, self._server.database, ANSWER_S)
            insert(self._client, block(rows(time, self._flow, self._process, samples)))
        except (ClickHouseError, OSError, GamewaxError) as error:
            self._miss(error)
        else:
            self.away_since_s, self._refused = None, False

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _miss(self, error: Exception) -> None:
        self.missed += 1
        self.close()
        if judge(error) is Verdict.WAIT:
            self.away_since_s = self._monotonic() if self.away_since_s is None else self.away_since_s
        elif not self._refused:
            self._refused = True
            structlog.get_logger().warning("metrics not written", table=TABLE, reason=root_cause(error))


def rows(time: datetime, flow: str, process: str, samples: Sequence[Sample]) -> Rows:
    """Give the rows of `pipeline_metrics` for one look."""
    frame = pl.DataFrame(
        {
            "metric": [sample.metric.name for sample in samples],
            "subject": [sample.subject for sample in samples],
            "partition": pl.Series([sample.partition for sample in samples], dtype=pl.Int32),
            "window_seconds": pl.Series([sample.window_seconds for sample in samples], dtype=pl.UInt32),
            "value": pl.Series([sample.value for sample in samples], dtype=pl.Float64),
        }
    ).with_columns(
        pl.lit(time, pl.Datetime("ms", "UTC")).alias("time"),
        pl.lit(flow).alias("flow"),
        pl.lit(process).alias("process"),
    )
    return Rows(TABLE, frame)
