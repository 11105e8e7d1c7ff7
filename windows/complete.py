"""Complete windows as rows: which windows' events are all in, but late ones, and how many those are.

Rules: a row is about one window in one shard, its version the events folded, so a late event replaces it. It
goes to the same shard of the sink as the window's own rows, behind them.
"""

from __future__ import annotations

import polars as pl

from windows.plan import Plan
from windows.rows import Rows
from windows.slot import Complete

_TIME = pl.Datetime("ms", "UTC")


def complete_rows(plan: Plan, complete: Complete) -> Rows:
    """Give the row of `complete_windows_upserts`."""
    cell = complete.cell
    frame = pl.DataFrame(
        {
            "flow": [plan.flow],
            "table_name": [cell.table],
            "window_seconds": pl.Series([cell.size_s], dtype=pl.UInt32),
            "window_start": pl.Series([complete.start_ms]).cast(_TIME),
            "shard": pl.Series([cell.shard], dtype=pl.UInt8),
            "events": pl.Series([complete.events], dtype=pl.UInt64),
            "version": pl.Series([plan.generation << 48 | complete.events], dtype=pl.UInt64),
        }
    )
    return Rows("complete_windows_upserts", frame)
