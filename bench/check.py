"""Compares what a flow has written with the truth, row by row, before any figure counts.

Rules:
- A right row has the truth's key and all its values; floats must be the same bits, but for the columns
  that are promised within a relative error. A row that the truth has not is wrong too.
- Rows come from the view that readers ask, or from the files of a sink that is not ClickHouse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl
from clickhouse_connect.driver.client import Client

from bench.file_sink import latest_rows


@dataclass(frozen=True, slots=True)
class Found:
    """Where a finished flow has left its rows."""

    client: Client
    database: str
    files: Path

    def ask(self, query: str) -> pl.DataFrame:
        """Read with `{database}` in a query replaced."""
        return pl.DataFrame(self.client.query_arrow(query.replace("{database}", self.database)))


@dataclass(frozen=True, slots=True)
class Checked:
    """How many rows of those wanted were right, and how many came that nobody wanted."""

    right: int
    wanted: int
    extra: int = 0

    @property
    def exact(self) -> bool:
        """Tell whether nothing was wrong."""
        return self.right == self.wanted and not self.extra

    def __add__(self, other: Checked) -> Checked:
        return Checked(self.right + other.right, self.wanted + other.wanted, self.extra + other.extra)


class Truth(Protocol):
    """What must have been written."""

    def judge(self, found: Found) -> Checked:
        """Compare."""
        ...


@dataclass(frozen=True, slots=True)
class Several:
    """More than one thing must be true."""

    parts: Sequence[Truth]

    def judge(self, found: Found) -> Checked:
        """Compare each."""
        return sum((part.judge(found) for part in self.parts), Checked(0, 0))


@dataclass(frozen=True, slots=True)
class TableTruth:
    """The rows of one table; `near` are columns that may be off by a relative error."""

    table: str
    rows: pl.DataFrame
    key: Sequence[str]
    near: Mapping[str, float] = field(default_factory=dict)

    def judge(self, found: Found) -> Checked:
        """Compare what the view shows."""
        values = ", ".join(name for name in self.rows.columns if name != "window_start")
        return compared(
            self.rows,
            found.ask(
                f"SELECT toInt64(toUnixTimestamp(window_start)) AS window_start, {values} "
                f"FROM {{database}}.{self.table}"
            ),
            self.key,
            self.near,
        )


@dataclass(frozen=True, slots=True)
class FileTruth:
    """The rows of one table, as a sink that is not ClickHouse was given them: the last of each key counts."""

    table: str
    rows: pl.DataFrame
    key: Sequence[str]

    def judge(self, found: Found) -> Checked:
        """Compare what the files hold."""
        rows = latest_rows(found.files, f"{self.table}_upserts", self.key)
        return compared(self.rows, rows, self.key, {})


@dataclass(frozen=True, slots=True)
class LettersTruth:
    """How many dead letters of each reason a topic must have left; a reason is a row here."""

    topic: str
    counts: Mapping[str, int]

    def judge(self, found: Found) -> Checked:
        """Compare what the view shows, one row a message."""
        rows = found.ask(
            "SELECT toString(reason) AS reason, toInt64(count()) AS letters "
            f"FROM {{database}}.dead_letters WHERE topic = '{self.topic}' GROUP BY reason"
        )
        wanted = pl.DataFrame({"reason": list(self.counts), "letters": list(self.counts.values())})
        return compared(wanted, rows, ["reason"], {})


def compared(
    truth: pl.DataFrame, found: pl.DataFrame, key: Sequence[str], near: Mapping[str, float]
) -> Checked:
    """Count the right rows; key and columns are the truth's."""
    if not found.height:
        return Checked(0, truth.height)
    found = found.select(pl.col(name).cast(kind) for name, kind in truth.schema.items())
    if truth.sort(key).equals(found.sort(key)):
        return Checked(truth.height, truth.height)
    both = truth.join(found, on=list(key), how="inner", suffix="_found")
    right = [_same(name, near.get(name)) for name in truth.columns if name not in key]
    return Checked(both.filter(pl.all_horizontal(right)).height, truth.height, found.height - both.height)


def _same(name: str, error: float | None) -> pl.Expr:
    wanted, found = pl.col(name), pl.col(f"{name}_found")
    if error is None:
        return wanted == found
    return (wanted - found).abs() <= error * wanted.abs() * (1 + 1e-9)  # the promise, and a float's rounding
