"""The lane of flows that fold windows and also look at each event: shares, and the events themselves.

Rules:
- Verdicts and shares are those of `windows.lane`. The events beside them are all good ones that are no
  duplicates, late ones too: who looks at them has its own order.
"""

from __future__ import annotations

from windows.events import placed
from windows.lane import Decode, Lane
from windows.plan import Plan
from windows.take import Arrivals, LaneState, Take


class WatchedLane:
    """Judges one partition's messages, cuts them into shares, and hands on chosen columns of the events.

    Args:
        plan: the flow's windows.
        decode: bytes to events and rejects.
        columns: of the events, which are handed on; `offset` and `kafka_time_ms` are among what there is.
        state: where the lane stands.
        partitions: how many partitions the topic has.

    """

    def __init__(
        self, plan: Plan, decode: Decode, columns: tuple[str, ...], state: LaneState, partitions: int
    ) -> None:
        self.plan = plan
        self._columns = list(columns)
        self._lane = Lane(plan, decode, state, partitions)

    @property
    def state(self) -> LaneState:
        """Tell where the lane stands."""
        return self._lane.state

    @state.setter
    def state(self, state: LaneState) -> None:
        self._lane.state = state

    def remember(self, arrivals: Arrivals) -> None:
        """Learn the ids of messages just before the next offset."""
        self._lane.remember(arrivals)

    def take(self, arrivals: Arrivals) -> Take:
        """Turn a batch into shares, events, late rows and dead letters; the lane moves past it."""
        verdicts = self._lane.judge(arrivals)
        shares = self._lane.shares(verdicts)
        events = placed(verdicts.judged)[self._columns]
        return Take(self.state, shares, verdicts.dead, verdicts.late_rows, events=events)

    def raise_floor(self, floor_ms: int) -> Take:
        """Use a committed floor."""
        return self._lane.raise_floor(floor_ms)
