"""The rows that a shard's state follows from: sealed in segments, so that a snapshot holds only the newest.

Rules:
- A state here is a pure function of the rows that are kept, in their order: who folds them again has it.
- `SEAL_ROWS` rows are sealed once, under a number, and written once; a snapshot names the sealed ones and
  holds the rest. Both are written in the same epoch, so a store has all of them or none.
- A segment goes as a whole, when its newest row is older than what is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec

from topics.errors import NeedsOperator
from windows.codec import FORMAT, packed_state, read_state
from windows.seal import document_of, is_whole

SEAL_ROWS = 4_096


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
    sealed: deque[tuple[int, int]] = field(default_factory=deque)  # number and newest time, the oldest first
    next: int = 0
    open: list[RowsOf] = field(default_factory=list)
    packed: list[bytes] = field(default_factory=list)  # of the open rows, those that a snapshot has had
    _open_rows: int = 0
    _packed_parts: int = 0  # of `open`

    def add(self, rows: RowsOf, newest_ms: int) -> list[Segment]:
        """Keep rows; gives the segment that they fill."""
        self.open.append(rows)
        self._open_rows += len(rows)
        if self._open_rows < SEAL_ROWS:
            return []
        number, packed = self.next, self.joined(self.open).pack()
        self.sealed.append((number, newest_ms))
        self.open, self.packed, self.next = [], [], number + 1
        self._open_rows = self._packed_parts = 0
        return [Segment(self.name(number), packed)]

    def drop_before(self, time_ms: int) -> list[Segment]:
        """Let go of segments that are wholly older; gives their names for the store to forget."""
        gone = []
        while self.sealed and self.sealed[0][1] < time_ms:
            gone.append(Segment(self.name(self.sealed.popleft()[0]), None))
        return gone

    def pack(self) -> bytes:
        """Write what a snapshot is to hold; rows that the last one had are not packed again."""
        if fresh := self.open[self._packed_parts :]:
            self.packed.append(self.joined(fresh).pack())
            self._packed_parts = len(self.open)
        return packed_state(SegmentsState(FORMAT, self.key, self.next, list(self.sealed), self.packed))

    def take(self, packed: list[bytes], unpack: Callable[[bytes], RowsOf]) -> None:
        """Go on with the open rows of a snapshot."""
        self.packed, self.open = packed, [unpack(rows) for rows in packed]
        self._open_rows, self._packed_parts = sum(map(len, self.open)), len(self.open)

    def name(self, number: int) -> str:
        """Name a segment, as the store does."""
        return f"{self.key}/{number:08d}"


def restored(packed: bytes, restoring: Restoring[RowsOf]) -> tuple[Segments[RowsOf], list[RowsOf]]:
    """Read a snapshot back; gives all rows that were kept too, oldest first.

    Raises:
        NeedsOperator: the snapshot is damaged, or a segment that it names is gone.

    """
    state = read_state(packed, SegmentsState, "kept rows")
    segments = Segments(state.key, restoring.joined, deque(state.sealed), state.next)
    segments.take(state.open, restoring.unpack)
    old = [restoring.unpack(_stored(segments.name(number), restoring.stored)) for number, _ in state.sealed]
    return segments, old + segments.open


def _stored(name: str, stored: Callable[[str], bytes | None]) -> bytes:
    found = stored(name)
    if found is None or not is_whole(found):
        what = "is missing" if found is None else "is damaged"
        raise NeedsOperator(f"segment {name} of the kept rows {what} in the recovery store")
    return document_of(found)
