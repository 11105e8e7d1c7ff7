"""What a flow does with time: its aggregates, window sizes and limits, fixed for the run.

Times are epoch milliseconds everywhere in `windows/`; a window size is given in seconds because it is
a column of every row.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.aggregates import Aggregate

SHARDS = 16  # stateful keys per window slot; frozen in every snapshot (a power of two)
SHARD_BITS = 4
SLOTS = 64  # windows of one size share this many slots in turn, so the set of keys is bounded
SIZES_S = (10, 60)
NO_WINDOW_S = 0  # the window size of a flow without windows, in its books
NEVER = -(2**62)  # a watermark before anything was read
EVERY_EVENT = Aggregate(table="", by=(), terms={})  # only counted, for accounting: it has no table


@dataclass(frozen=True, slots=True)
class Plan:
    """One flow's windows: which aggregates, cut at which sizes, and how long they stay open.

    A flow without windows has no aggregates and the one size `NO_WINDOW_S`. Windows that start before
    `from_ms` are another count's: this one leaves them as they are. With `tells_complete` a window says when
    no event of it is to be expected any more (`windows.complete`).
    """

    flow: str
    aggregates: tuple[Aggregate, ...]
    sizes_s: tuple[int, ...] = SIZES_S
    allowed_lateness_ms: int = 600_000
    max_out_of_orderness_ms: int = 2_000
    dedup_offsets: int = 100_000
    generation: int = 0
    from_ms: int = NEVER
    tells_complete: bool = False

    def __post_init__(self) -> None:
        """See to it that accounting has something to count: an aggregate that takes every event."""
        if any(self.sizes_s) and all(of.where is not None for of in self.aggregates):
            object.__setattr__(self, "aggregates", (*self.aggregates, EVERY_EVENT))

    @property
    def counted(self) -> str:
        """Name the table whose folded events accounting counts."""
        return next(of.table for of in self.aggregates if of.where is None)

    def closed_before(self, guarantee_ms: int) -> int:
        """Give the latest window end that is out of reach once `guarantee_ms` is guaranteed."""
        return guarantee_ms - self.allowed_lateness_ms


@dataclass(frozen=True, slots=True, order=True)
class CellId:
    """The place of a window's groups: whose aggregate, which size, slot and shard."""

    table: str
    size_s: int
    slot: int
    shard: int

    @property
    def key(self) -> str:
        """Name the Bytewax key."""
        return f"{self.table}/{self.size_s}/{self.slot:02d}/{self.shard:02d}"


def slot_of(start_ms: int, size_s: int) -> int:
    """Give the slot of the window that starts at `start_ms`."""
    return start_ms // (size_s * 1000) % SLOTS


def slots_between(from_ms: int, to_ms: int, size_s: int) -> set[int]:
    """Give the slots of windows that end between two times (epoch ms).

    >>> slots_between(0, 20_000, 10)
    {0, 1}

    """
    before, now = from_ms // (size_s * 1000), to_ms // (size_s * 1000)
    return {window % SLOTS for window in range(max(before, now - SLOTS), now)}
