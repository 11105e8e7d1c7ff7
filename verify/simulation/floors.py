"""The floors and offsets that starts may find: verdicts follow from what is committed, from nothing else.

Rules: a floor is above no promise that another partition of its own process had given when the floor was
proposed (two that are found together get theirs in one epoch); lag tools are told nothing uncommitted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from verify.simulation.kafka import Topic
from windows.plan import NEVER, Plan
from windows.take import LaneState


class Wrong(Exception):
    """An invariant does not hold."""


@dataclass(slots=True)
class Floors:
    """What was committed of a topic's lanes; `at` has the offsets and floors of each partition."""

    topic: Topic
    plan: Plan
    counts: Counter[str]
    at: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    past: set[int] = field(default_factory=set)  # partitions whose promise the others knew
    fresh: set[int] = field(
        default_factory=set
    )  # first promised in the last commit, used from the next call on

    def note(self, lanes: Mapping[int, LaneState], processes: int) -> None:
        """Note what a start would read of the lanes now.

        Raises:
            Wrong: a floor is too high, or lag tools were told too much.

        """
        for partition, state in lanes.items():
            place, known = (state.next_offset, state.floor_ms), self.at.setdefault(partition, [])
            if state.floor_ms > NEVER and place not in known:
                if state.floor_ms > max((floor for _, floor in known), default=NEVER):
                    self._check_floor(partition, lanes, processes)
                known.append(place)
        self.past |= self.fresh
        self.fresh = {number for number, of in lanes.items() if of.guarantee_ms(self.plan) > NEVER}
        self._check_told(lanes)

    def _check_floor(self, partition: int, lanes: Mapping[int, LaneState], processes: int) -> None:
        """See to it that a floor is not above what the others promise; each process knows its own only."""
        others = self.past - {partition}
        promises = [of.guarantee_ms(self.plan) for number, of in lanes.items() if number in others]
        lowest = min(promises, default=lanes[partition].floor_ms)
        if lanes[partition].floor_ms <= lowest:
            return
        if processes == 1:
            raise Wrong(f"partition {partition} has a floor above the promise of another: {lowest}")
        self.counts["floors_above_other_processes"] += 1

    def _check_told(self, lanes: Mapping[int, LaneState]) -> None:
        """See to it that lag tools are told nothing that is not committed."""
        for partition, offset in self.topic.told.items():
            if partition in lanes and offset > lanes[partition].next_offset:
                raise Wrong(f"lag tools were told offset {offset} of partition {partition}, not committed")
