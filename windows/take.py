"""What goes into a lane and what comes out: messages as they arrived, and all that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import polars as pl

from models.thresholds import Sample
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

    def outside(self, stretches: Sequence[tuple[int, int]]) -> Arrivals:
        """Give the part outside stretches of offsets, each from its first to before its end."""
        inside = [(self.offsets >= first) & (self.offsets < end) for first, end in stretches]
        if not any(flags.any() for flags in inside):
            return self
        rows = np.flatnonzero(~np.logical_or.reduce(inside))
        place = {row: new for new, row in enumerate(rows.tolist())}
        return Arrivals(
            [self.values[row] for row in place],
            self.offsets[rows],
            self.arrived_ms[rows],
            [self.keys[row] for row in place],
            {place[row]: replay for row, replay in self.replays.items() if row in place},
        )


class LaneState(msgspec.Struct, frozen=True):
    """Where a lane stands after a take; the counts are since the log's first message.

    `skipped` are stretches of offsets (first, end) that were never read, `rewound` how far reading has ever
    gone back in a log that was cut, `generation` which count of the flow this is, `outside` how many good
    events were left out because this count is about another time (`windows.within`).
    """

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
    generation: int = 0
    rewound: int = 0
    skipped: list[tuple[int, int]] = []
    outside: int = 0

    @property
    def version(self) -> int:
        """Give the version of rows about this state: it grows with each take, after a cut too."""
        return self.generation << 48 | (self.next_offset + self.rewound)

    def guarantee_ms(self, plan: Plan) -> int:
        """The promise: no more events of windows whose end + allowed lateness is at or below this."""
        return max(self.newest_ms - plan.max_out_of_orderness_ms, self.floor_ms, NEVER)


@dataclass(frozen=True, slots=True)
class Late:
    """Events beyond allowed lateness for one window size (columns of `late_events`)."""

    window_seconds: int
    frame: pl.DataFrame  # offset, event_time, watermark, reason, raw


@dataclass(frozen=True, slots=True)
class Quiet:
    """A partition's silence that the broker has vouched for: nothing came from `since_ms` to `now_ms`.

    Both are milliseconds of the reader's clock that only grows, so only their differences mean anything.
    Ticks of one stretch of silence have the same `since_ms`.
    """

    partition: int
    since_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Take:
    """All that follows from one batch of one partition.

    `rows` are those that need no window, `samples` and `events` what is judged event by event (`events` as
    `topics.decode` gives them, and `offset` and `kafka_time_ms` beside; None: the flow folds windows). A take
    with `quiet` holds nothing else: it is for flows that asked for it (`sources.unjudged.Pace`).
    """

    after: LaneState
    shares: tuple[Share, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    late: tuple[Late, ...] = ()
    rows: tuple[Rows, ...] = ()
    samples: tuple[Sample, ...] = ()
    events: pl.DataFrame | None = None
    quiet: Quiet | None = None


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
