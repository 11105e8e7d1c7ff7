"""Weeks to train on and weeks to be judged by: time is cut, never shuffled.

Rules:
- Training days, then the delay in which labels ripen, then the test week: nothing that a model learns from
  was unknown when its test week began.
- Left out of a test day is a player who was known to be robbed when it began, by a fraud of the training days
  or later: as in the handbook, for whose labels (7 days after the purchase) this gives the same rows.
- Days are UTC, counted from 1970-01-01. A frame of what is known has columns day, player_id, fraud (0 or 1)
  and known_day, the first day that begins with the label known (null: there is none).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

WEEK = 7  # days
DELAY = 7  # days until a label is known
FOLDS = 4
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Fold:
    """Days of one fold: [train_from, train_to) to learn from, [test_from, test_to) to be judged by."""

    train_from: int
    train_to: int
    test_from: int
    test_to: int

    @property
    def delay(self) -> int:
        """Give the days between training and test."""
        return self.test_from - self.train_to


def fold_from(train_from: int, train: int = WEEK, delay: int = DELAY) -> Fold:
    """Cut a fold whose training begins on a day."""
    train_to = train_from + train
    return Fold(train_from, train_to, train_to + delay, train_to + delay + WEEK)


def weekly(newest: Fold, count: int = FOLDS) -> list[Fold]:
    """Give a fold and those that begin one, two … weeks earlier, the newest first."""
    return [earlier(newest, WEEK * back) for back in range(count)]


def earlier(fold: Fold, days: int) -> Fold:
    """Move a fold back by some days."""
    return Fold(fold.train_from - days, fold.train_to - days, fold.test_from - days, fold.test_to - days)


def calibrating(fold: Fold) -> Fold:
    """Give the earlier fold whose test week ends when the labels of its last day are known in time."""
    return earlier(fold, fold.delay + (fold.test_to - fold.test_from))


def training_rows(known: pl.DataFrame, fold: Fold) -> pl.DataFrame:
    """Give the rows to learn from: columns row (index), fraud (1 only where that was known in time)."""
    in_time = pl.col("known_day").fill_null(fold.test_from + 1) <= fold.test_from
    rows = known.with_row_index("row").filter(_within(fold.train_from, fold.train_to))
    return rows.select("row", fraud=((pl.col("fraud") > 0) & in_time).cast(pl.Int64))


def test_rows(known: pl.DataFrame, fold: Fold) -> pl.Series:
    """Give the indexes of the rows to be judged by, without players who were known to be compromised."""
    found = (
        known.lazy()
        .filter(pl.col("fraud") > 0, pl.col("day") >= fold.train_from)
        .group_by("player_id")
        .agg(known_from=pl.col("known_day").min())
        .collect()
    )
    week = _within(fold.test_from, fold.test_to)
    rows = known.select("day", "player_id").with_row_index("row").filter(week)
    rows = rows.join(found, on="player_id", how="left", maintain_order="left")
    unknown = pl.col("known_from").is_null() | (pl.col("day") < pl.col("known_from"))
    return rows.filter(unknown).get_column("row")


def _within(first: int, end: int) -> pl.Expr:
    return (pl.col("day") >= first) & (pl.col("day") < end)


def known_of(purchases: pl.DataFrame) -> pl.DataFrame:
    """Give what is known of purchases; they have columns fraud (null: nothing) and known_ms."""
    return purchases.select(
        (pl.col("event_time") // DAY_MS).alias("day"),
        "player_id",
        pl.col("fraud").cast(pl.Int64).fill_null(0),
        (pl.col("known_ms") // DAY_MS + 1).alias("known_day"),
    )
