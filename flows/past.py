"""What a flow's recovery store says of all partitions, also those that another process of its cluster reads.

A partition found later may only be read above what its windows' slots have freed; its floor is the
lowest promise of the others, and in a cluster some of them are known from the store alone. The newest
snapshot of each is taken, committed or not: a floor may always be higher, never lower. Who acts on what
the flow has done for good asks for the committed ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flows.store_check import content
from flows.store_made import helps
from flows.store_unfinished import NOTHING_STARTED, resume_epoch
from topics.errors import NeedsOperator
from windows.codec import read_state
from windows.take import LaneState

_CONTENTS = """
SELECT state_key, ser_change, max(snap_epoch) FROM snaps
WHERE step_id = ? AND snap_epoch < ? AND ser_change IS NOT NULL GROUP BY state_key
"""
_NEWEST = """
SELECT ser_change, max(snap_epoch) FROM snaps
WHERE step_id = ? AND snap_epoch < ? AND ser_change IS NOT NULL GROUP BY state_key
"""


def past_lanes(database: Path, step: str) -> list[LaneState]:
    """Read the newest lane states of a source step; none when there is no store yet.

    Raises:
        NeedsOperator: a state cannot be read.

    """
    return [state for file in _files(database) for state in _states(file, step, NOTHING_STARTED)]


def committed_lanes(database: Path, step: str) -> list[LaneState]:
    """Read the lane states that the flow would resume from; a crash takes nothing of them back.

    Raises:
        NeedsOperator: a state cannot be read.

    """
    return [state for file in _files(database) for state in _states(file, step, _resumes_at(file))]


def committed_contents(database: Path, step: str) -> dict[str, bytes]:
    """Read what a step's keys hold where the flow would resume, by key; nothing when there is no store yet.

    Raises:
        NeedsOperator: the store cannot be read.

    """
    found: dict[str, bytes] = {}
    for file in _files(database):
        before = _resumes_at(file)
        with _opened(file) as store:
            found |= {key: content(change) for key, change, _ in store.execute(_CONTENTS, (step, before))}
    return found


def _files(database: Path) -> list[Path]:
    return sorted(database.glob("part-*.sqlite3"))


def _resumes_at(file: Path) -> int:
    with _opened(file) as store:
        return resume_epoch(store)


def _states(file: Path, step: str, before: int) -> Iterator[LaneState]:
    with _opened(file) as store:
        for change, _ in store.execute(_NEWEST, (step, before)):
            yield read_state(content(change), LaneState, "Kafka position")


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            yield store
    except sqlite3.DatabaseError as error:
        what_helps = f"what can be done: {helps(file.parents[1])}"
        raise NeedsOperator(f"recovery store {file} cannot be read ({error}); {what_helps}") from error
