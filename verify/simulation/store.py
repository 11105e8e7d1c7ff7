"""Bytewax's recovery store, as its 0.21 writes and reads it (`src/recovery.rs`), on one SQLite file.

Rules: states are written as they come, each epoch's worker frontiers last; a start reads, of each key, the
newest state below the lowest frontier of the last execution. Nothing here forgets: `flows.store_unfinished`
does that, on this very file.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable
from pathlib import Path

FIRST_EPOCH = 1
TABLES = """
CREATE TABLE IF NOT EXISTS parts (part_index INTEGER PRIMARY KEY, part_count INTEGER);
CREATE TABLE IF NOT EXISTS exs (ex_num INTEGER PRIMARY KEY, worker_count INTEGER, resume_epoch INTEGER);
CREATE TABLE IF NOT EXISTS fronts (ex_num INTEGER, worker_index INTEGER, worker_frontier INTEGER,
    PRIMARY KEY (ex_num, worker_index));
CREATE TABLE IF NOT EXISTS commits (part_index INTEGER PRIMARY KEY, commit_epoch INTEGER);
CREATE TABLE IF NOT EXISTS snaps (step_id TEXT, state_key TEXT, snap_epoch INTEGER, ser_change BLOB,
    PRIMARY KEY (step_id, state_key, snap_epoch));
"""
FRONTIERS = """
SELECT worker_index, max(worker_frontier) FROM fronts WHERE ex_num = ? GROUP BY worker_index
"""
NEWEST = """
WITH newest AS (
    SELECT step_id, state_key, max(snap_epoch) AS snap_epoch FROM snaps
    WHERE snap_epoch < ? AND step_id GLOB ?
    GROUP BY step_id, state_key
) SELECT step_id, state_key, ser_change FROM snaps JOIN newest USING (step_id, state_key, snap_epoch)
ORDER BY step_id, state_key
"""
COLLECT = """
DELETE FROM snaps WHERE (step_id, state_key, snap_epoch) IN (
    SELECT step_id, state_key, snaps.snap_epoch FROM snaps JOIN (
        SELECT step_id, state_key, max(snap_epoch) AS newest FROM snaps WHERE snap_epoch <= ?
        GROUP BY step_id, state_key
    ) USING (step_id, state_key) WHERE snaps.snap_epoch < newest
)
"""
Change = tuple[str, str, bytes | None]  # step, key, state; None: the key was discarded


class RecoveryStore:
    """One flow's store.

    Args:
        folder: holds its one file; what an earlier simulation left there is emptied.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db = sqlite3.connect(folder / "part-0.sqlite3", isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;" + TABLES)
        for table in ("parts", "exs", "fronts", "commits", "snaps"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608  our own names
        self._db.execute("INSERT INTO parts VALUES (0, 1)")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def resume_from(self) -> tuple[int, int]:
        """Give the number of the next execution and the epoch at which it begins."""
        last = self._db.execute("SELECT * FROM exs ORDER BY ex_num DESC LIMIT 1").fetchone()
        if last is None:
            return 0, FIRST_EPOCH
        number, workers, resumed = last
        spoke = dict(self._db.execute(FRONTIERS, [number]))
        return number + 1, min(max(spoke.get(worker, resumed), resumed) for worker in range(workers))

    def torn(self) -> bool:
        """Tell whether states of an unfinished epoch were left behind."""
        _, epoch = self.resume_from()
        found = self._db.execute("SELECT count(*) FROM snaps WHERE snap_epoch >= ?", [epoch]).fetchone()
        return bool(found[0])

    def begin(self, execution: int, workers: int, epoch: int) -> None:
        """Note that an execution has begun."""
        self._db.execute("INSERT INTO exs VALUES (?, ?, ?)", [execution, workers, epoch])

    def states(self, before: int, step: str = "*") -> list[Change]:
        """Read the newest state of every key below an epoch, of one step or (`*`) of all."""
        rows = self._db.execute(NEWEST, [before, step])
        return [(step, key, None if change is None else pickle.loads(change)) for step, key, change in rows]  # noqa: S301  written here

    def write(self, epoch: int, changes: Iterable[Change]) -> None:
        """Write states in one transaction."""
        rows = [
            (step, key, epoch, None if state is None else pickle.dumps(state)) for step, key, state in changes
        ]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO snaps VALUES (?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def advance(self, execution: int, worker: int, frontier: int) -> None:
        """Note that a worker has finished all epochs below its frontier."""
        self._db.execute("INSERT OR REPLACE INTO fronts VALUES (?, ?, ?)", [execution, worker, frontier])

    def collect(self, epoch: int) -> None:
        """Drop states that no start can need once an epoch is finished everywhere."""
        self._db.execute("INSERT OR REPLACE INTO commits VALUES (0, ?)", [epoch])
        self._db.execute(COLLECT, [epoch])
