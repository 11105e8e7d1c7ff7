"""Rows of `player, day, level, attempts, wins` as events: what each row says happened, no more and no less.

Rules:
- A row is `attempts` level_start, `wins` level_complete and max(attempts - wins, 0) level_fail events. More
  wins than attempts stay as they are; a row with neither has no event.
- A row's events stand in the order start, end, start, end …; fails come before completes; completes beyond
  the attempts come last. A day's rows stand in the order of the file.
- A day's events are half a minute apart from its midnight (UTC) on, or closer when they would not fit into
  it: each has a millisecond of its own. So their order is told by the file, but their times are made up.
- An id is `IMPORT-ROW-KIND-N`: the n-th event of its kind of a row; the same file gives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import polars as pl

from topics.errors import BadInput
from topics.import_cells import counts, days, names
from topics.imported import EVENTS, Judged, judge
from topics.times import DAY_MS

APART_MS = 30_000
PIECE = 100_000  # events
MOST_IN_A_DAY = DAY_MS  # events: each has a millisecond of its own
KINDS = ("level_start", "level_fail", "level_complete")
START, FAIL, COMPLETE = range(3)


def read_attempts(cells: pl.DataFrame, today: int) -> Judged:
    """Read rows: `row, player, slot (the day), level, attempts, wins, events`; rows without events too.

    Args:
        cells: row, line, and the text columns player, day, level, attempts, wins.
        today: days since 1970; only earlier days are over.

    """
    reads = {
        "player": names(cells["player"]),
        "day": days(cells["day"], today),
        "level": names(cells["level"]),
        "attempts": counts(cells["attempts"]),
        "wins": counts(cells["wins"]),
    }
    rows, bad = judge(cells, reads)
    events = pl.col("attempts") + pl.max_horizontal("attempts", "wins")
    return Judged(rows.rename({"day": "slot"}).with_columns(events=events), bad)


def in_days(frames: Iterable[pl.DataFrame], events: Mapping[int, int], shift: int) -> Iterator[pl.DataFrame]:
    """Place rows in their days, in pieces of about `PIECE` events.

    Args:
        frames: rows as `read_attempts` gives them, ordered by day.
        events: how many each `slot` has in all.
        shift: what makes a slot days since 1970.

    Raises:
        BadInput: a day has more events than milliseconds.

    """
    if max(events.values(), default=0) > MOST_IN_A_DAY:
        raise BadInput(f"a day has more than {MOST_IN_A_DAY:,} events, which is one a millisecond")
    told = dict.fromkeys(events, 0)  # events of each day before the frame
    for frame in frames:
        own = pl.col("events").cum_sum().over("slot")
        days = frame["slot"].unique().to_list()
        known = pl.col("slot").replace_strict(days, [told[day] for day in days], return_dtype=pl.Int64)
        of = pl.col("slot").replace_strict(days, [events[day] for day in days], return_dtype=pl.Int64)
        placed = frame.with_columns(before=known + own - pl.col("events"), of=of, slot=pl.col("slot") + shift)
        for day, sent in frame.group_by("slot").agg(pl.col("events").sum()).iter_rows():
            told[day] += sent
        number = (placed["events"].cum_sum() - 1) // PIECE
        yield from placed.with_columns(piece=number).partition_by("piece", maintain_order=True)


def attempt_events(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Give the events of rows, in the order of the rows, as `EVENTS`.

    Args:
        rows: as `read_attempts` gives them, `slot` in days since 1970, with `before` (events of the day
            before this row's) and `of` (all events of the day).
        name: the import's, which begins each id.

    """
    each = rows["events"].to_numpy()
    at = np.repeat(np.arange(rows.height), each)
    place = np.arange(at.size) - np.repeat(np.cumsum(each) - each, each)
    attempts, wins, before, of, day, row = (
        rows[column].to_numpy()[at] for column in ("attempts", "wins", "before", "of", "slot", "row")
    )
    tried = place < 2 * attempts
    number = np.where(tried, place // 2, place - attempts)
    fails = np.maximum(attempts - wins, 0)
    kind = np.where(tried & (place % 2 == 0), START, np.where(number < fails, FAIL, COMPLETE))
    number = number + 1 - np.where(kind == COMPLETE, fails, 0)
    at_ms = day * DAY_MS + (before + place) * np.minimum(APART_MS * of, DAY_MS) // of
    types = pl.Series(KINDS).gather(kind)
    ids = pl.concat_str(
        pl.lit(name), pl.Series(row), types.str.strip_prefix("level_"), pl.Series(number), separator="-"
    )
    columns = pl.select(
        player_id=rows["player"].gather(at),
        session_id=pl.lit(None, pl.String),
        event_type=types,
        level_id=rows["level"].gather(at),
        map_id=pl.lit(""),
        at_ms=pl.Series(at_ms, dtype=pl.Int64),
        event_id=ids,
    )
    return columns.select(*EVENTS)
