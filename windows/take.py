"""What goes into a lane and what comes out: messages as they arrived, and all that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import polars as pl

from topics.dead_letters import DeadLetter, Replay
from windows.arrays import Ints
from windows.plan import NEVER, Plan
from windows.rows import Rows
from windows.slot import Share


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Messages of one partition as they came: offsets ascending, Kafka timestamps in epoch ms.

    `replays` says which rows claim to be replays of other messages; `windows.replays` judges it.
    """

    values: Sequence[bytes | None]
    offsets: Ints
    arrived_ms: Ints
    keys: Sequence[bytes | None]
    replays: Mapping[int, Replay] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.values)

    def before(self, offset: int) -> Arrivals:
        """Give the part below an offset."""
        count = int(np.searchsorted(self.offsets, offset))
        return Arrivals(
            self.values[:count],
            self.offsets[:count],
            self.arrived_ms[:count],
            self.keys[:count],
            {row: replay for row, replay in self.replays.items() if row < count},
        )


class LaneState(msgspec.Struct, frozen=True):
    """Where a lane stands after a take; the counts are since the log's first message."""

    format: int
    log: str
    topic: str
    partition: int
    next_offset: int
    newest_ms: int = NEVER
    floor_ms: int = NEVER
    told_ms: int = NEVER
    lateness_ms: int = 0
    read: int = 0
    dead: int = 0
    duplicates: int = 0
    late: dict[int, int] = {}

    def guarantee_ms(self, plan: Plan) -> int:
        """The promise: no more events of windows whose end + allowed lateness is at or below this."""
        return max(self.newest_ms - plan.max_out_of_orderness_ms, self.floor_ms, NEVER)


@dataclass(frozen=True, slots=True)
class Late:
    """Events beyond allowed lateness for one window size (columns of `late_events`)."""

    window_seconds: int
    frame: pl.DataFrame  # offset, event_time, watermark, reason, raw


@dataclass(frozen=True, slots=True)
class Take:
    """All that follows from one batch of one partition; `rows` are those that need no window."""

    after: LaneState
    shares: tuple[Share, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    late: tuple[Late, ...] = ()
    rows: tuple[Rows, ...] = ()


class JudgingLane(Protocol):
    """What judges one partition's messages, in offset order: `windows.lane.Lane`, or the archive's."""

    plan: Plan
    state: LaneState

    def remember(self, arrivals: Arrivals) -> None:
        """Learn from messages just before `state.next_offset`; nothing is judged or counted."""

    def take(self, arrivals: Arrivals) -> Take:
        """Judge a batch; the lane moves past it."""
        ...

    def raise_floor(self, floor_ms: int) -> Take:
        """Use a committed floor."""
        ...


MakeLane = Callable[[LaneState, int], JudgingLane]  # where it stands, how many partitions the topic has


def fresh_state(log: str, topic: str, partition: int, first_offset: int) -> LaneState:
    """Give the state of a lane that has read nothing yet."""
    return LaneState(1, log, topic, partition, first_offset)
