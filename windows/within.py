"""A lane whose events count only within a time: what lies outside is judged, counted and left out.

Rules:
- The time is whole windows of every size, so an event is outside for all sizes or for none.
- Events outside move watermark and ring like all others: those inside get the verdicts that they would get
  if every window were counted.
- An event outside is neither aggregated nor late: `LaneState.outside` counts it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import polars as pl

from windows.plan import Plan
from windows.slot import Share
from windows.take import Arrivals, JudgingLane, LaneState, Late, Take


class Within:
    """Judges by another lane, and hands on what is within [from_ms, to_ms).

    Args:
        lane: judges.
        from_ms: where the first window begins (epoch ms).
        to_ms: windows that start before it count.

    """

    def __init__(self, lane: JudgingLane, from_ms: int, to_ms: int) -> None:
        self._lane, self._from_ms, self._to_ms = lane, from_ms, to_ms
        self.plan: Plan = lane.plan
        self.state: LaneState = lane.state

    def remember(self, arrivals: Arrivals) -> None:
        """Learn from messages just before the lane's place; nothing is judged or counted."""
        self._lane.remember(arrivals)

    def take(self, arrivals: Arrivals) -> Take:
        """Judge a batch; the lane moves past it."""
        before, take = self._lane.state.outside, self._lane.take(arrivals)
        shares = tuple(self._inside(share) for share in take.shares)
        late = tuple(self._inside_late(of) for of in take.late)
        size = self.plan.sizes_s[0]
        folded = self._events(take.shares, size) - self._events(shares, size)
        gone = {of.window_seconds: of.frame.height for of in take.late}
        for of in late:
            gone[of.window_seconds] -= of.frame.height
        after = msgspec.structs.replace(
            take.after,
            outside=before + folded + gone.get(size, 0),
            late={size_s: count - gone.get(size_s, 0) for size_s, count in take.after.late.items()},
        )
        self.state = self._lane.state = after
        return Take(after, shares, take.dead, tuple(of for of in late if of.frame.height), take.rows)

    def raise_floor(self, floor_ms: int) -> Take:
        """Use a committed floor."""
        take = self._lane.raise_floor(floor_ms)
        self.state = self._lane.state
        return take

    def _inside(self, share: Share) -> Share:
        kept = tuple(of for of in share.partials if self._from_ms <= of.start_ms < self._to_ms)
        if len(kept) == len(share.partials):
            return share
        return Share(
            share.cell, share.partition, share.partitions, share.guarantee_ms, kept, share.speaker, share.log
        )

    def _inside_late(self, late: Late) -> Late:
        inside = pl.col("event_time").is_between(self._from_ms, self._to_ms - 1)
        return Late(late.window_seconds, late.frame.filter(inside))

    def _events(self, shares: tuple[Share, ...], size_s: int) -> int:
        return sum(self._counted(shares, size_s))

    def _counted(self, shares: tuple[Share, ...], size_s: int) -> Iterator[int]:
        for share in shares:
            if (share.cell.table, share.cell.size_s) == (self.plan.counted, size_s):
                yield from (partial.events for partial in share.partials)
