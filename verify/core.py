"""The windows without Bytewax: the same lanes and logics, stepped by hand, crashed at will.

`Core` plays the engine's part as far as results go: it routes, keeps an upserting table, snapshots and
restores. Nothing in it decides; it is how tests and `verify` reach every order of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from verify.tables import keys
from windows.codec import read_state
from windows.lane import Decode, Lane
from windows.ledger import dead_letter_rows, late_rows
from windows.operator import AccountsLogic, Clock, SlotLogic
from windows.plan import Plan
from windows.rows import Rows
from windows.shelf import Shelf
from windows.slot import Folded
from windows.take import Arrivals, LaneState, Take, fresh_state

KEYS = keys()


@dataclass(slots=True)
class Tables:
    """What a ReplacingMergeTree shows: of each key the row with the highest version."""

    rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = field(default_factory=dict)

    def write(self, rows: Rows) -> None:
        """Upsert."""
        table = self.rows.setdefault(rows.table, {})
        for row in rows.frame.iter_rows(named=True):
            key = tuple(row[name] for name in KEYS[rows.table])
            if key not in table or row.get("version", 0) >= table[key].get("version", 0):
                table[key] = row


@dataclass(slots=True)
class Log:
    """One partition's messages, all there from the start."""

    values: Sequence[bytes | None]
    arrived_ms: Sequence[int]

    def arrivals(self, start: int, stop: int) -> Arrivals:
        """Give a stretch by offsets."""
        stop = min(stop, len(self.values))
        return Arrivals(
            self.values[start:stop],
            np.arange(start, stop),
            np.array(self.arrived_ms[start:stop], np.int64),
            [b"key"] * max(stop - start, 0),
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All state at an epoch's end."""

    lanes: dict[int, bytes]
    slots: dict[str, bytes]
    accounts: dict[int, bytes]


class Core:
    """One run of the windows over some logs, from the beginning or from a snapshot."""

    def __init__(
        self, plan: Plan, decode: Decode, logs: dict[int, Log], tables: Tables, start: Snapshot | None = None
    ) -> None:
        self._plan, self._logs, self.tables = plan, logs, tables
        self._time = datetime(2026, 1, 1, tzinfo=UTC)
        self._clock = Clock(lambda: self._time)
        saved = start or Snapshot({}, {}, {})
        self._shelf = Shelf()
        slots = saved.slots.items()
        self._slots = {key: SlotLogic(plan, self._clock, self._shelf, state) for key, state in slots}
        self._accounts = {p: AccountsLogic(plan, self._clock, state) for p, state in saved.accounts.items()}
        self.lanes = {p: self._lane(decode, p, saved.lanes.get(p)) for p in logs}

    def _lane(self, decode: Decode, partition: int, saved: bytes | None) -> Lane:
        state = fresh_state("cafe0123", "player-events", partition, 0)
        if saved is not None:
            state = read_state(saved, LaneState, "position")
        lane = Lane(self._plan, decode, state, len(self._logs))
        begin = max(0, state.next_offset - self._plan.dedup_offsets)
        lane.remember(self._logs[partition].arrivals(begin, state.next_offset))
        return lane

    def read(self, partition: int, count: int) -> bool:
        """Take the next messages of a partition; tells whether there were any."""
        lane = self.lanes[partition]
        arrivals = self._logs[partition].arrivals(lane.state.next_offset, lane.state.next_offset + count)
        if not len(arrivals.values):
            return False
        self.route(lane.take(arrivals))
        return True

    def route(self, take: Take) -> None:
        """Bring a take to the slots, the books and the tables."""
        for share in take.shares:
            new = SlotLogic(self._plan, self._clock, self._shelf, None)
            logic = self._slots.setdefault(share.cell.key, new)
            self._deliver(logic.on_batch([share])[0])
        self._book(take.after.partition, take.after)
        for late in take.late:
            self.tables.write(late_rows(self._plan.flow, take, late))
        if take.dead:
            self.tables.write(dead_letter_rows(take.dead))

    def _deliver(self, out: Iterable[Rows | Folded]) -> None:
        for value in out:
            if isinstance(value, Rows):
                self.tables.write(value)
            else:
                self._book(value.partition, value)

    def _book(self, partition: int, entry: LaneState | Folded) -> None:
        logic = self._accounts.setdefault(partition, AccountsLogic(self._plan, self._clock, None))
        self._deliver(logic.on_batch([entry])[0])

    def pass_time(self, seconds: float) -> None:
        """Let the clock run and wake what is due."""
        self._time += timedelta(seconds=seconds)
        for logic in self._logics():
            due = logic.notify_at()
            if due is not None and due <= self._time:
                self._deliver(logic.on_notify()[0])

    def end(self) -> None:
        """End the input: everything changed goes out, nothing is closed."""
        for logic in self._logics():
            self._deliver(logic.on_eof()[0])

    def _logics(self) -> list[SlotLogic | AccountsLogic]:
        return [*self._slots.values(), *self._accounts.values()]

    def snapshot(self) -> Snapshot:
        """End an epoch."""
        return Snapshot(
            {p: msgspec.msgpack.encode(lane.state) for p, lane in self.lanes.items()},
            {key: logic.snapshot() for key, logic in self._slots.items()},
            {p: logic.snapshot() for p, logic in self._accounts.items()},
        )

    def live_windows(self) -> int:
        """Count the windows that are held."""
        return sum(logic.live_windows for logic in self._slots.values())
