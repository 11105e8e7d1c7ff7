"""Messages that did not become part of a window, as rows: dead letters and late events."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from topics.dead_letters import DeadLetter
from windows.rows import Rows
from windows.take import Late, Take

_TIME = pl.Datetime("ms", "UTC")


def dead_letter_rows(dead: Sequence[DeadLetter]) -> Rows:
    """Give the rows of `dead_letters`, as bad as they are after so many replays.

    Versions order what happens to a letter: 0 bad, 1 replayed, 2 bad again, 3 replayed again …
    """
    frame = pl.DataFrame(
        {
            "reason": [str(letter.reason) for letter in dead],
            "path": [letter.path for letter in dead],
            "log": [letter.log for letter in dead],
            "topic": [letter.topic for letter in dead],
            "partition": pl.Series([letter.partition for letter in dead], dtype=pl.Int32),
            "offset": pl.Series([letter.offset for letter in dead], dtype=pl.Int64),
            "key": pl.Series([letter.key for letter in dead], dtype=pl.Binary),
            "raw": pl.Series([letter.raw for letter in dead], dtype=pl.Binary),
            "error": [letter.error for letter in dead],
            "first_seen": pl.Series([letter.first_seen_ms for letter in dead]).cast(_TIME),
            "version": pl.Series([2 * letter.replays for letter in dead], dtype=pl.UInt64),
        }
    )
    return Rows("dead_letters_upserts", frame)


def replayed_rows(dead: Sequence[DeadLetter], at_ms: int) -> Rows:
    """Give the rows of letters that were just sent once more, at `at_ms` (epoch ms)."""
    rows = dead_letter_rows(dead)
    replayed = pl.lit(at_ms, pl.Int64).cast(_TIME).alias("replayed_at")
    return Rows(rows.table, rows.frame.with_columns(replayed, pl.col("version") + 1))


def late_rows(flow: str, take: Take, late: Late) -> Rows:
    """Give the rows of `late_events` for one window size of one take."""
    frame = late.frame.select(
        pl.lit(flow).alias("flow"),
        pl.lit(late.window_seconds, pl.UInt32).alias("window_seconds"),
        pl.lit(take.after.log).alias("log"),
        pl.lit(take.after.topic).alias("topic"),
        pl.lit(take.after.partition, pl.Int32).alias("partition"),
        "offset",
        pl.col("event_time").cast(_TIME),
        pl.col("watermark").cast(_TIME),
        "reason",
        "raw",
        pl.lit(take.after.generation << 48, pl.UInt64).alias("version"),
    )
    return Rows("late_events_upserts", frame)
