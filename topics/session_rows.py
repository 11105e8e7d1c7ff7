"""Rows of `player, start, end` as events: a session_start and a session_end each.

Rules:
- An empty end is a session that has not ended: it has no session_end. An end before its start is unreadable.
- The session's id is the row's own where the table has one, else `IMPORT-ROW`. An event's id is
  `IMPORT-ROW-start` or `IMPORT-ROW-end`; the same file gives the same ids.
"""

from __future__ import annotations

import polars as pl

from topics.import_cells import Read, moments, names
from topics.imported import EVENTS, Judged, judge

SLOT_MS = 300_000  # sessions are put in order within so long at a time
START, END = "session_start", "session_end"


def read_sessions(cells: pl.DataFrame, now_ms: int) -> Judged:
    """Read rows: `row, player, start, end (null: not ended), session (if there is one)`.

    Args:
        cells: row, line, and the text columns player, start, end, and session if the table has one.
        now_ms: no moment may be later.

    """
    start = moments(cells["start"], now_ms)
    reads = {"player": names(cells["player"]), "start": start, "end": _ends(cells["end"], start, now_ms)}
    if "session" in cells.columns:
        reads["session"] = names(cells["session"])
    return judge(cells, reads)


def session_events(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Give the events of rows in any order, as `EVENTS` with `slot`, `row` and `events` (1 each).

    Args:
        rows: as `read_sessions` gives them.
        name: the import's, which begins each id.

    """
    own = pl.concat_str(pl.lit(name), pl.col("row"), separator="-")
    session = pl.col("session") if "session" in rows.columns else own
    both = [
        rows.select(
            "row",
            player_id="player",
            session_id=session,
            event_type=pl.lit(kind),
            level_id=pl.lit(None, pl.String),
            map_id=pl.lit(None, pl.String),
            at_ms=column,
            event_id=pl.concat_str(own, pl.lit(column), separator="-"),
        )
        for kind, column in ((START, "start"), (END, "end"))
    ]
    events = pl.concat(both).filter(pl.col("at_ms").is_not_null())
    slot = pl.col("at_ms") // SLOT_MS
    return events.select(*EVENTS, "row", slot=slot, events=pl.lit(1, pl.Int64))


def _ends(cells: pl.Series, start: Read, now_ms: int) -> Read:
    """Read ends; none is fine, one before the start is not."""
    values, problems = moments(cells, now_ms)
    problems = problems.set(cells.str.strip_chars() == "", None)
    backward = (values < start.values).fill_null(value=False)
    return Read(values, problems.set(backward, "is before its start"))
