"""Forgets what a killed run left of an epoch that it did not finish.

Rules: Bytewax 0.21.1 writes states as they come and resumes at the last finished epoch, but leaves the
states of later ones in the store (`src/recovery.rs`: inserts, never a delete). A key that the replay
does not touch in the very same epoch would then come back from the future at the next restart, and its
events be counted twice. So they are deleted before the engine opens the store.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

FINISHED = """
SELECT min(finished) FROM (
    SELECT max(worker_frontier) AS finished FROM fronts
    WHERE ex_num = (SELECT max(ex_num) FROM exs) GROUP BY worker_index
)"""
STARTED = "SELECT worker_count, resume_epoch FROM exs ORDER BY ex_num DESC LIMIT 1"
SPOKE = "SELECT count(DISTINCT worker_index) FROM fronts WHERE ex_num = (SELECT max(ex_num) FROM exs)"

NOTHING_STARTED = 2**62  # no run, so no state that it left


def forget_unfinished(database: Path) -> None:
    """Delete the states of the epoch to resume at, and of later ones; the store is one file."""
    for part in database.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(part)) as store, store:
            store.execute("DELETE FROM snaps WHERE snap_epoch >= ?", [resume_epoch(store)])


def resume_epoch(store: sqlite3.Connection) -> int:
    """Give the epoch at which the engine would resume: all before it are finished."""
    started = store.execute(STARTED).fetchone()
    if started is None:
        return NOTHING_STARTED
    workers, resume_at = started
    if store.execute(SPOKE).fetchone()[0] == workers:
        resume_at = max(resume_at, store.execute(FINISHED).fetchone()[0])
    return int(resume_at)
