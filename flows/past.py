"""What a flow's recovery store says of all partitions, also those that another process of its cluster reads.

A partition found later may only be read above what its windows' slots have freed; its floor is the
lowest promise of the others, and in a cluster some of them are known from the store alone. The newest
snapshot of each is taken, committed or not: a floor may always be higher, never lower.
"""

from __future__ import annotations

import pickletools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from windows.codec import read_state
from windows.take import LaneState

_NEWEST = """
SELECT ser_change, max(snap_epoch) FROM snaps
WHERE step_id = ? AND ser_change IS NOT NULL GROUP BY state_key
"""


def past_lanes(database: Path, step: str) -> list[LaneState]:
    """Read the newest lane states of a source step; none when there is no store yet.

    Raises:
        NeedsOperator: a state cannot be read.

    """
    return [
        read_state(content(change), LaneState, "Kafka position")
        for file in sorted(database.glob("part-*.sqlite3"))
        for change in _changes(file, step)
    ]


def _changes(file: Path, step: str) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        for change, _ in store.execute(_NEWEST, (step,)):
            yield change


def content(pickled: bytes) -> bytes:
    """Take the bytes out of a pickled bytes object without unpickling: nothing in it is ever run."""
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8"} and isinstance(argument, bytes):
            return argument
    return b""
