"""The lane of stored events: they get the verdicts that the live flow gave them, by the live flow's code.

Rules: the raw table holds every decoded message, also duplicates and late ones, so ring and watermark see
here what they saw live; `event_id` is what the ring compares (a replayed letter has its letter's offset).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from topics.decode import Decoded
from windows.arrays import Ints
from windows.events import EventLane
from windows.plan import NEVER, Plan
from windows.take import Arrivals, LaneState

BESIDE = ("offset", "kafka_time_ms")


class StoredLane:
    """Judges one partition's stored events, in offset order, without a live flow's floor for silent ones.

    Args:
        plan: the flow's, without windows.
        state: where the lane stands before the first of them.

    """

    def __init__(self, plan: Plan, state: LaneState) -> None:
        self._plan = plan
        self._given = pl.DataFrame()
        self._lane = EventLane(plan, self._decoded, state, 1)

    @property
    def state(self) -> LaneState:
        """Tell where the lane stands, and what became of the events."""
        return self._lane.state

    @property
    def closed_ms(self) -> int:
        """Give the time (epoch ms) up to which windows are out of reach."""
        guarantee_ms = self.state.guarantee_ms(self._plan)
        return NEVER if guarantee_ms == NEVER else self._plan.closed_before(guarantee_ms)

    def remember(self, events: pl.DataFrame) -> None:
        """Learn the ids of earlier events, with the columns `offset` and `event_id`."""
        self._given = events
        offsets = events["offset"].to_numpy()
        self._lane.remember(_arrivals(offsets, np.zeros(events.height, np.int64)))

    def good(self, events: pl.DataFrame) -> pl.DataFrame:
        """Give the events that are neither duplicates nor late; the lane moves past all of them."""
        if not events.height:
            return events
        self._given = events.drop(BESIDE)
        taken = self._lane.take(_arrivals(*(events[name].to_numpy() for name in BESIDE)))
        assert taken.events is not None  # noqa: S101  this lane hands events on
        return taken.events.select(events.columns)

    def _decoded(self, values: Sequence[bytes | None], _arrived_ms: Ints) -> Decoded:
        return Decoded(np.arange(len(values)), self._given, [])


def stored_state(
    plan: Plan, place: tuple[str, str, int], next_offset: int, newest_ms: int | None
) -> LaneState:
    """Give the state of a lane at an offset; `newest_ms` is the newest event time before it (None: none)."""
    return LaneState(
        1,
        *place,
        next_offset,
        newest_ms=NEVER if newest_ms is None else newest_ms,
        lateness_ms=plan.allowed_lateness_ms,
    )


def _arrivals(offsets: Ints, arrived_ms: Ints) -> Arrivals:
    nothing = [None] * len(offsets)
    return Arrivals(nothing, offsets, arrived_ms, nothing)
