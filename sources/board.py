"""What the partitions of one source know of each other: enough to wait, to align, and to set floors.

Nothing here decides a verdict: floors go through a snapshot first, and alignment only delays polls.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from sources.dead_share import DeadShare
from sources.end_watch import Ends
from sources.unjudged import FOR_TABLES, Pace
from windows.plan import NEVER
from windows.take import LaneState


@dataclass(slots=True)
class Standing:
    """Where one partition stands: read so far, promised so far, and what lies before it."""

    newest_ms: int  # largest event time handed on
    guarantee_ms: int
    unread: bool = True  # there may be messages that were not read yet
    held: int = 0  # messages read and not yet judged
    new: bool = False  # found later than others: it may only be read once it has a floor
    saved: int | None = None  # the next offset by the last snapshot
    end: int = 0  # the log's end by the last fetch
    turned_s: float | None = None  # when the flow last asked for messages
    snapshots: int = 0
    snapshot_s: float | None = None


@dataclass(slots=True)
class Board:
    """The standings of the partitions that this process reads."""

    standings: dict[int, Standing] = field(default_factory=dict)

    def floor_for(self, partition: int) -> int:
        """Give the lowest promise of the other partitions that have a past; `NEVER` without any."""
        others = [
            of.guarantee_ms for number, of in self.standings.items() if number != partition and not of.new
        ]
        return min(others, default=NEVER)

    def held(self) -> int:
        """Count the messages that were read and not yet judged."""
        return sum(of.held for of in self.standings.values())

    def ahead_ms(self, partition: int, newest_ms: int) -> int:
        """Tell how far event time `newest_ms` is ahead of the slowest partition with unread messages."""
        others = [of.newest_ms for number, of in self.standings.items() if number != partition and of.unread]
        return newest_ms - min(others, default=newest_ms)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a partition shares with the others of its source."""

    board: Board
    threads: Executor
    stopping: Callable[[], bool]
    monotonic: Callable[[], float]
    quiet_s: float
    share: DeadShare | None = None  # None: read on however many dead letters come
    still_ours: Callable[[float], bool] = lambda _: True  # whether the log was the same after a time
    pace: Pace = FOR_TABLES
    ends: Callable[[], Ends | None] = lambda: None  # where the partitions end, by the broker; nobody asks

    @property
    def paused(self) -> bool:
        """Whether nobody reads on, since most messages are dead letters."""
        return bool(self.share and self.share.why)


def standing_of(state: LaneState, guarantee_ms: int, *, new: bool) -> Standing:
    """Give a partition's standing at start; it has unread messages once it is read here and some come."""
    return Standing(state.newest_ms, guarantee_ms, unread=False, new=new)
