"""Rows on their way to a table: what a window, a shard or a reject writer hands to a sink.

Rules: a row is whole (an upsert, never a delta), a column is named as in the table, and the frame
carries no column that the table lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one table; `table` is the name of the table that is written, not of its view."""

    table: str
    frame: pl.DataFrame
