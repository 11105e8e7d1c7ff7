"""The rows that a shard's state follows from: sealed in segments, so that a snapshot holds only the newest.

Rules:
- A state here is a pure function of the rows that are kept, in their order: who folds them again has it.
- `SEAL_ROWS` rows are sealed once, under a number, and written once; a snapshot names the sealed ones and
  holds the rest. Both are written in the same epoch, so a store has all of them or none.
- A segment goes as a whole, when its newest row is older than what is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec

from topics.errors import NeedsOperator
from windows.codec import FORMAT, packed_state, read_state
from windows.seal import document_of, is_whole

SEAL_ROWS = 16_384


class Kept(Protocol):
    """Rows as columns: what a shard was handed."""

    def __len__(self) -> int:
        """Count the rows."""
        ...

    def pack(self) -> bytes:
        """Write them."""
        ...


RowsOf = TypeVar("RowsOf", bound=Kept)


class SegmentsState(msgspec.Struct, frozen=True):
    """What a snapshot holds: sealed segments by number and newest time, and the open rows."""

    format: int
    key: str
    next: int
    sealed: list[tuple[int, int]]
    open: list[bytes]


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed segment on its way to the store; without rows: it is not needed any more."""

    name: str
    rows: bytes | None


@dataclass(frozen=True, slots=True)
class Restoring(Generic[RowsOf]):
    """How kept rows are read: `stored` gives a segment as the recovery store had it at the start."""

    joined: Callable[[list[RowsOf]], RowsOf]
    unpack: Callable[[bytes], RowsOf]
    stored: Callable[[str], bytes | None]


@dataclass(slots=True)
class Segments(Generic[RowsOf]):
    """One shard's kept rows.

    Args:
        key: the shard's.
        joined: puts rows one after the other.

    """

    key: str
    joined: Callable[[list[RowsOf]], RowsOf]
    sealed: list[tuple[int, int]] = field(default_factory=list)
    open: list[RowsOf] = field(default_factory=list)
    next: int = 0

    def add(self, rows: RowsOf, newest_ms: int) -> list[Segment]:
        """Keep rows; gives the segment that they fill."""
        self.open.append(rows)
        if sum(map(len, self.open)) < SEAL_ROWS:
            return []
        number, packed = self.next, self.joined(self.open).pack()
        self.sealed.append((number, newest_ms))
        self.open, self.next = [], number + 1
        return [Segment(self.name(number), packed)]

    def drop_before(self, time_ms: int) -> list[Segment]:
        """Let go of segments that are wholly older; gives their names for the store to forget."""
        gone = [number for number, newest_ms in self.sealed if newest_ms < time_ms]
        if gone:
            self.sealed = [of for of in self.sealed if of[0] not in gone]
        return [Segment(self.name(number), None) for number in gone]

    def pack(self) -> bytes:
        """Write what a snapshot is to hold."""
        self.open = [self.joined(self.open)] if len(self.open) > 1 else self.open
        state = SegmentsState(FORMAT, self.key, self.next, self.sealed, [rows.pack() for rows in self.open])
        return packed_state(state)

    def name(self, number: int) -> str:
        """Name a segment, as the store does."""
        return f"{self.key}/{number:08d}"


def restored(packed: bytes, restoring: Restoring[RowsOf]) -> tuple[Segments[RowsOf], list[RowsOf]]:
    """Read a snapshot back; gives all rows that were kept too, oldest first.

    Raises:
        NeedsOperator: the snapshot is damaged, or a segment that it names is gone.

    """
    state = read_state(packed, SegmentsState, "kept rows")
    opened = [restoring.unpack(rows) for rows in state.open]
    segments = Segments(state.key, restoring.joined, list(state.sealed), opened, state.next)
    old = [restoring.unpack(_stored(segments.name(number), restoring.stored)) for number, _ in state.sealed]
    return segments, old + opened


def _stored(name: str, stored: Callable[[str], bytes | None]) -> bytes:
    found = stored(name)
    if found is None or not is_whole(found):
        what = "is missing" if found is None else "is damaged"
        raise NeedsOperator(f"segment {name} of the kept rows {what} in the recovery store")
    return document_of(found)
