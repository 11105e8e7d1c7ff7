"""What a peer leaves behind when it has drained the topic, and its rows in the shape of the truth.

Rules: every peer writes CSV without a header, its columns in the order of the truth. A window's start is in
seconds, or a timestamp as Flink writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bench.rig import Figures


@dataclass(frozen=True, slots=True)
class Finished:
    """One drain: its name, its figures, the file or folder with its rows, and what it ran on (versions)."""

    name: str
    figures: Figures
    rows: Path
    ran_on: str = ""

    def read(self, schema: pl.Schema) -> pl.DataFrame:
        """Read the rows with the truth's columns."""
        files = [self.rows] if self.rows.is_file() else sorted(self.rows.glob("[!._]*"))
        columns = {**schema, "window_start": pl.String()}
        parts = [pl.read_csv(file, has_header=False, schema=columns) for file in files if file.stat().st_size]
        if not parts:
            return pl.DataFrame(schema=schema)
        return pl.concat(parts).with_columns(seconds(pl.col("window_start")))


def seconds(start: pl.Expr) -> pl.Expr:
    """Read a window's start, `1767225600` or `2026-01-01 00:00:00Z`, as seconds."""
    stamp = start.str.strip_suffix("Z").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False)
    return pl.coalesce(start.cast(pl.Int64(), strict=False), stamp.dt.epoch("s"))
