"""What became of every message of a partition: the identity that is stated at each epoch's end.

Rules:
- read = aggregated + late + dead letters + duplicates, per flow, partition and window size.
- read, dead, duplicates and late are counted where the verdict falls (`windows.lane`); aggregated is
  counted where the events are folded (`windows.slot`), so the identity compares two counts.
- A cut is taken at the epoch's end, when all that the epoch read has been folded, and written in the
  next, if it says anything new; after a crash the last cut is written again. Its version is that of the
  lane's state: in one count of the flow the next offset.
- What is about another time than the count (`windows.within`) is not in its books at all.
- A topic that was created anew is another log: its books begin at nothing beside those of the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import polars as pl

from windows.codec import FORMAT, packed_state, read_state
from windows.plan import Plan
from windows.rows import Rows
from windows.slot import Folded
from windows.take import LaneState

_COLUMNS: dict[str, type[pl.DataType]] = {
    "flow": pl.String,
    "window_seconds": pl.UInt32,
    "log": pl.String,
    "topic": pl.String,
    "partition": pl.Int32,
    "next_offset": pl.Int64,
    "read": pl.UInt64,
    "aggregated": pl.UInt64,
    "late": pl.UInt64,
    "dead": pl.UInt64,
    "duplicates": pl.UInt64,
    "version": pl.UInt64,
}


class Books(msgspec.Struct, frozen=True):
    """One partition's counts: the lane's, and the events folded per window size."""

    format: int
    lane: LaneState | None
    aggregated: dict[int, int]
    written: bool = False


@dataclass(slots=True)
class Accounts:
    """Keeps one partition's books between epochs' ends.

    `written`: the input has ended and the books were given out as they stand; a snapshot taken now commits
    only when they are acknowledged.
    """

    plan: Plan
    lane: LaneState | None = None
    aggregated: dict[int, int] = field(default_factory=dict)
    written: bool = False
    _log: str = ""

    def __post_init__(self) -> None:
        """Know whose books these are."""
        self._log = "" if self.lane is None else self.lane.log

    def note(self, entry: LaneState | Folded) -> None:
        """Enter what a lane judged or a slot folded."""
        self.written = False
        if entry.log != self._log:  # at a restart: all of the old log was entered before
            self.lane, self.aggregated, self._log = None, {}, entry.log
        if isinstance(entry, Folded):
            size = entry.window_seconds
            self.aggregated[size] = self.aggregated.get(size, 0) + entry.events
        else:
            self.lane = entry

    def pack(self) -> bytes:
        """Write the books; this is the cut."""
        return packed_state(Books(FORMAT, self.lane, self.aggregated, self.written))

    def rows(self) -> Rows | None:
        """State the identity of the books as they stand, one row per window size."""
        return account_rows(self.plan, self.lane, self.aggregated)


def unpack_accounts(plan: Plan, packed: bytes) -> Accounts:
    """Read the books back.

    Raises:
        NeedsOperator: the bytes are damaged or of another format.

    """
    books = read_state(packed, Books, "accounting")
    return Accounts(plan, books.lane, dict(books.aggregated), books.written)


def account_rows(plan: Plan, lane: LaneState | None, aggregated: dict[int, int]) -> Rows | None:
    """Give the rows of `accounting` for one partition, or None before anything was read."""
    if lane is None:
        return None
    sizes = list(plan.sizes_s)
    values: tuple[Sequence[object], ...] = (
        [plan.flow] * len(sizes),
        sizes,
        [lane.log] * len(sizes),
        [lane.topic] * len(sizes),
        [lane.partition] * len(sizes),
        [lane.next_offset] * len(sizes),
        [lane.read - lane.outside] * len(sizes),
        [aggregated.get(size, 0) for size in sizes],
        [lane.late.get(size, 0) for size in sizes],
        [lane.dead] * len(sizes),
        [lane.duplicates] * len(sizes),
        [lane.version] * len(sizes),
    )
    columns = zip(_COLUMNS.items(), values, strict=True)
    frame = pl.DataFrame([pl.Series(name, column, kind) for (name, kind), column in columns])
    return Rows("accounting_upserts", frame)
