"""One partition's lane: every message gets its verdict here, in offset order, exactly once.

Rules:
- Verdicts in order: dead letter, duplicate, late (per window size), aggregated; the first that applies.
- The watermark before a message is the largest event time of earlier decoded messages minus the allowed
  disorder; ring and watermark take every decoded message, late and duplicate too, never a dead letter.
- Late for a size: window end + allowed lateness <= max(watermark, floor). All of it follows from the
  log and the lane's snapshot, so any interleaving, batch size or crash gives the same verdicts.
- A window that starts before `plan.from_ms` is not counted anew: its events are late (`recovered`).
- The floor lets others close windows while this partition is silent. It rises only at an epoch's end
  and is used only once the snapshot that holds it is committed (`sources` sees to that).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import msgspec
import numpy as np
import polars as pl

from topics.dead_letters import DeadLetter
from topics.decode import Decoded
from windows.arrays import Flags, Ints
from windows.cutting import Cutting
from windows.partials import Partial
from windows.plan import NEVER, NO_WINDOW_S, SHARDS, CellId, Plan, slot_of, slots_between
from windows.replays import ids_of, original
from windows.ring import Ring
from windows.slot import Share
from windows.take import Arrivals, LaneState, Late, Take

Decode = Callable[[Sequence[bytes | None], Ints], Decoded]


@dataclass(frozen=True, slots=True)
class Judged:
    """Events that are neither dead letters nor duplicates: row in the batch, watermark before."""

    arrivals: Arrivals
    rows: Ints
    events: pl.DataFrame
    watermark: Ints


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of a batch: dead letters, late rows, and the rest; `late` flags events by window size."""

    dead: tuple[DeadLetter, ...]
    judged: Judged
    late: dict[int, Flags]
    late_rows: tuple[Late, ...]


@dataclass(slots=True)
class Lane:
    """Judges one partition's messages and cuts the good ones into shares.

    Args:
        plan: the flow's windows.
        decode: bytes to events and rejects.
        state: where the lane stands; its `next_offset` is the next message it expects.
        partitions: how many partitions the topic has.

    """

    plan: Plan
    decode: Decode
    state: LaneState
    partitions: int
    _ring: Ring = field(init=False)
    _cutting: Cutting = field(init=False)

    def __post_init__(self) -> None:
        """Start with an empty ring, and keep closed what a smaller allowed lateness had closed."""
        self._ring = Ring(self.plan.dedup_offsets)
        self._cutting = Cutting(self.plan.aggregates)
        gained = self.plan.allowed_lateness_ms - self.state.lateness_ms
        floor = self.state.floor_ms
        if gained > 0 and self.guarantee_ms > NEVER:
            floor = self.guarantee_ms + gained
        self.state = msgspec.structs.replace(
            self.state, lateness_ms=self.plan.allowed_lateness_ms, floor_ms=floor
        )

    @property
    def guarantee_ms(self) -> int:
        """Give the lane's promise."""
        return self.state.guarantee_ms(self.plan)

    def remember(self, arrivals: Arrivals) -> None:
        """Fill the ring from messages just before `next_offset`; nothing is judged or counted."""
        decoded = self.decode(arrivals.values, arrivals.arrived_ms)
        if decoded.frame.height:
            ids = ids_of(self.state, decoded, arrivals)
            self._ring.seen(arrivals.offsets[decoded.rows], ids)

    def take(self, arrivals: Arrivals) -> Take:
        """Judge a batch; the lane moves past it."""
        verdicts = self.judge(arrivals)
        return Take(self.state, self.shares(verdicts), verdicts.dead, verdicts.late_rows)

    def shares(self, verdicts: Verdicts) -> tuple[Share, ...]:
        """Cut judged events into shares; once for each batch, before the next is judged."""
        return self._addressed(self._partials(verdicts.judged.events, verdicts.late))

    def judge(self, arrivals: Arrivals) -> Verdicts:
        """Give each message of a batch its verdict; the lane moves past it."""
        decoded = self.decode(arrivals.values, arrivals.arrived_ms)
        dead = tuple(dead_letters(self.state, decoded, arrivals))
        judged, duplicates = self._judged(decoded, arrivals)
        late = dict(self._late(judged.events, judged.watermark))
        late_rows = tuple(self._late_rows(size, judged, flags) for size, flags in late.items())
        counts = {rows.window_seconds: rows.frame.height for rows in late_rows}
        self.state = msgspec.structs.replace(
            self.state,
            next_offset=int(arrivals.offsets[-1]) + 1,
            read=self.state.read + len(arrivals.values),
            dead=self.state.dead + len(dead),
            duplicates=self.state.duplicates + duplicates,
            late={size: self.state.late.get(size, 0) + counts.get(size, 0) for size in self.plan.sizes_s},
        )
        return Verdicts(dead, judged, late, late_rows)

    def _judged(self, decoded: Decoded, arrivals: Arrivals) -> tuple[Judged, int]:
        """Part what is decoded from its duplicates; gives how many those are."""
        events, rows = decoded.frame, decoded.rows
        duplicate, watermark = np.zeros(0, np.bool_), np.zeros(0, np.int64)
        if events.height:
            ids = ids_of(self.state, decoded, arrivals)
            duplicate = self._ring.seen(arrivals.offsets[decoded.rows], ids)
            watermark = self._pass(events["event_time"].to_numpy())
        if duplicate.any():
            events, rows, watermark = events.filter(~duplicate), rows[~duplicate], watermark[~duplicate]
        return Judged(arrivals, rows, events, watermark), int(duplicate.sum())

    def raise_floor(self, floor_ms: int) -> Take:
        """Use a committed floor: promise it to the slots that it concerns."""
        self.state = msgspec.structs.replace(self.state, floor_ms=max(self.state.floor_ms, floor_ms))
        shares = self._addressed({})
        return Take(self.state, shares)

    def _pass(self, time_ms: Ints) -> Ints:
        """Give the watermark before each event, and move past all of them."""
        newest = np.maximum.accumulate(np.concatenate(([self.state.newest_ms], time_ms)))
        self.state = msgspec.structs.replace(self.state, newest_ms=int(newest[-1]))
        watermark: Ints = newest[:-1] - self.plan.max_out_of_orderness_ms
        return watermark

    def _late(self, events: pl.DataFrame, watermark: Ints) -> Iterator[tuple[int, Flags]]:
        """Give the sizes for which any event is late, with the events' flags."""
        if not events.height:
            return
        limit = np.maximum(watermark, self.state.floor_ms) - self.plan.allowed_lateness_ms
        time_ms = events["event_time"].to_numpy()
        for size in self.plan.sizes_s:
            end = _end(time_ms, size)
            late = (end <= limit) | (end - size * 1000 < self.plan.from_ms)
            if late.any():
                yield size, late

    def _partials(self, events: pl.DataFrame, late: dict[int, Flags]) -> dict[CellId, list[Partial]]:
        found: dict[CellId, list[Partial]] = defaultdict(list)
        if not events.height:
            return found
        for table, size, partial in self._cutting.cut(events, self.plan.sizes_s, late):
            slot = slot_of(partial.start_ms, size)
            found[CellId(table, size, slot, partial.shard)].append(partial)
        return found

    def _addressed(self, partials: dict[CellId, list[Partial]]) -> tuple[Share, ...]:
        """Address the partials, and the promise to every slot of which a window just went out of reach."""
        cells = dict.fromkeys(partials) | dict.fromkeys(self._passed())
        self.state = msgspec.structs.replace(self.state, told_ms=self.guarantee_ms)
        return tuple(
            Share(
                cell,
                self.state.partition,
                self.partitions,
                self.guarantee_ms,
                tuple(partials.get(cell, ())),
                log=self.state.log,
            )
            for cell in cells
        )

    def _passed(self) -> Iterator[CellId]:
        """Give the slots of windows that went out of reach, or became complete, since the last promise.

        A lane's first promise tells nobody, or all who wait for complete windows: the others hear of it
        within one round of `SLOTS` windows.
        """
        first = self.state.told_ms == NEVER
        if self.guarantee_ms == NEVER or (first and not self.plan.tells_complete):
            return
        tables = [aggregate.table for aggregate in self.plan.aggregates]
        before, now = self.state.told_ms, self.guarantee_ms
        for size in self.plan.sizes_s:
            slots = slots_between(self.plan.closed_before(before), self.plan.closed_before(now), size)
            if self.plan.tells_complete:
                slots |= slots_between(before, now, size)
            for table, slot, shard in product(tables, sorted(slots), range(SHARDS)):
                yield CellId(table, size, slot, shard)

    def _late_rows(self, size_s: int, judged: Judged, late: Flags) -> Late:
        rows, arrivals = judged.rows[late], judged.arrivals
        time_ms, watermark = judged.events["event_time"].to_numpy()[late], judged.watermark[late]
        end = _end(time_ms, size_s)
        beyond = end <= watermark - self.plan.allowed_lateness_ms
        before = end - size_s * 1000 < self.plan.from_ms
        frame = pl.DataFrame(
            {
                "offset": arrivals.offsets[rows],
                "event_time": time_ms,
                "watermark": np.where(beyond | before, np.maximum(watermark, 0), self.state.floor_ms),
                "reason": np.where(beyond, "beyond_lateness", np.where(before, "recovered", "idle")),
                "raw": pl.Series([arrivals.values[row] for row in rows], dtype=pl.Binary),
            }
        )
        return Late(size_s, frame)


def _end(time_ms: Ints, size_s: int) -> Ints:
    """Give the end of each event's window; without windows an event ends where it is."""
    if size_s == NO_WINDOW_S:
        return time_ms
    return (time_ms // (size_s * 1000) + 1) * (size_s * 1000)


def dead_letters(state: LaneState, decoded: Decoded, arrivals: Arrivals) -> Iterator[DeadLetter]:
    """Give the messages of a batch that no flow can use; every lane gives the same."""
    for reject in decoded.rejects:
        of = original(state, arrivals, reject.row)
        yield DeadLetter(
            reason=reject.reason,
            path=reject.path,
            error=reject.error,
            log=of.log,
            topic=of.topic,
            partition=of.partition,
            offset=of.offset,
            key=arrivals.keys[reject.row] or b"",
            raw=arrivals.values[reject.row] or b"",
            first_seen_ms=of.first_seen_ms,
            replays=of.replays,
        )
