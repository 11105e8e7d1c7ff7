"""The lane of flows that fold event by event: good, new and timely events as columns, in offset order.

Rules:
- Verdicts are those of `windows.lane`; an event without a window is late when its own time + allowed
  lateness <= max(watermark, floor).
- Each event carries its offset and Kafka time: who folds it can say where it stands in the log.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from windows.lane import Decode, Judged, Lane
from windows.plan import NO_WINDOW_S, Plan
from windows.take import Arrivals, LaneState, Take


class EventLane:
    """Judges one partition's messages and hands on the events themselves.

    Args:
        plan: the flow's, without windows.
        decode: bytes to events and rejects.
        state: where the lane stands.
        partitions: how many partitions the topic has.

    """

    def __init__(self, plan: Plan, decode: Decode, state: LaneState, partitions: int) -> None:
        self.plan = plan
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
        """Turn a batch into events, late rows and dead letters; the lane moves past it."""
        verdicts = self._lane.judge(arrivals)
        late = verdicts.late.get(NO_WINDOW_S)
        judged = verdicts.judged
        if late is not None:
            judged = Judged(
                arrivals, judged.rows[~late], judged.events.filter(~late), judged.watermark[~late]
            )
        return Take(self.state, (), verdicts.dead, verdicts.late_rows, events=placed(judged))

    def raise_floor(self, floor_ms: int) -> Take:
        """Use a committed floor."""
        return self._lane.raise_floor(floor_ms)


def placed(judged: Judged) -> pl.DataFrame:
    """Put beside each event where and when Kafka has it."""
    arrivals, rows = judged.arrivals, judged.rows
    offsets = pl.Series("offset", arrivals.offsets[rows].astype(np.int64), pl.Int64)
    times = pl.Series("kafka_time_ms", arrivals.arrived_ms[rows].astype(np.int64), pl.Int64)
    return judged.events.hstack([offsets, times])
