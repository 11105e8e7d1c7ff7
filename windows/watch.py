"""Samples judged one by one as Bytewax steps: takes in; alerts, rows and the books out.

Rules:
- Two stateful steps inside, `levels` and `accounts`, both keyed by the partition: its samples come in offset
  order, so what they give follows from the log alone. Their ids are constants: a renamed step silently loses
  its state.
- Nothing waits: the alerts of a take go out in the call that brings it.
- A sample that is not newer than the last of its server is late: counted, and kept in `late_events`.
- A topic that was created anew is another log: all its servers are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import bytewax.operators as op
import msgspec
import polars as pl
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from models.thresholds import Levels, Limits, Sample, Server
from topics.alerts import Alert
from windows.codec import FORMAT, packed_state, read_state
from windows.ledger import dead_letter_rows, late_rows
from windows.operator import AccountsLogic, Clock
from windows.plan import NO_WINDOW_S, Plan
from windows.rows import Rows
from windows.slot import Folded
from windows.take import LaneState, Late, Take

ROWS_KEY = "00"  # few rows: one of the sink's shards takes them all
Found: TypeAlias = Alert | Rows | LaneState | Folded


class LevelsState(msgspec.Struct, frozen=True):
    """One partition's servers, by their last samples: game, id, newest time, open alerts by metric."""

    format: int
    log: str
    late: int
    servers: list[tuple[str, str, int, dict[str, str]]]


class LevelsLogic(StatefulBatchLogic[Take, Found, bytes]):
    """Judges one partition's samples; gives alerts, late rows, and what the books are to know."""

    def __init__(self, plan: Plan, limits: Limits, packed: bytes | None) -> None:
        self._plan, self._limits = plan, limits
        self._state = LevelsState(FORMAT, "", 0, [])
        if packed is not None:
            self._state = read_state(packed, LevelsState, "state of thresholds")
        self._late = self._state.late
        self._levels: Levels | None = None

    def on_batch(self, values: list[Take]) -> tuple[Iterable[Found], bool]:
        """Judge takes in order."""
        return [found for take in values for found in self._judged(take)], False

    def snapshot(self) -> bytes:
        """Write all servers."""
        if self._levels is None:
            return packed_state(self._state)
        servers = [(*name, of.newest_ms, of.above) for name, of in self._levels.servers.items()]
        return packed_state(LevelsState(FORMAT, self._levels.log, self._late, servers))

    def _judged(self, take: Take) -> Iterator[Found]:
        levels = self._levels_of(take.after)
        stale: list[Sample] = []
        for sample in take.samples:
            alerts = levels.judge(sample)
            if alerts is None:
                stale.append(sample)
            elif alerts:
                yield from alerts
        if stale:
            self._late += len(stale)
            yield late_rows(self._plan.flow, take, _late(levels, stale))
        yield msgspec.structs.replace(take.after, late={NO_WINDOW_S: self._late})
        yield Folded(take.after.partition, NO_WINDOW_S, len(take.samples) - len(stale), take.after.log)

    def _levels_of(self, lane: LaneState) -> Levels:
        """Give the servers of a log; those of the snapshot, unless it is of another log."""
        known, state = self._levels, self._state
        if known is not None and known.log == lane.log:
            return known
        servers: dict[tuple[str, str], Server] = {}
        if known is None and state.log == lane.log:
            servers = {(game, server): Server(newest, above) for game, server, newest, above in state.servers}
        else:
            self._late = 0
        self._levels = Levels(self._limits, lane.log, lane.topic, lane.partition, servers)
        return self._levels


@dataclass(frozen=True, slots=True)
class Watched:
    """What comes out: alerts keyed by partition, rows keyed by shard."""

    alerts: KeyedStream[Alert]
    rows: KeyedStream[Rows]


@operator
def watch(step_id: str, takes: Stream[Take], plan: Plan, clock: Clock, limits: Limits) -> Watched:
    """Judge takes' samples by limits, and account for every message.

    Gives alerts, and rows of `accounting`, `dead_letters` and `late_events`.
    """
    del step_id  # bytewax names the steps inside by it
    by_partition = op.map("by_partition", takes, _keyed)
    found = op.stateful_batch("levels", by_partition, partial(LevelsLogic, plan, limits))
    alerts = op.filter_map("alerts", found, _only_alerts)
    entries = op.filter_map("entries", found, _only_entries)
    accounts = op.stateful_batch("accounts", entries, partial(AccountsLogic, plan, clock))
    late = op.filter_map("late", found, _only_rows)
    unfit = op.flat_map("unfit", takes, _unfit)
    return Watched(alerts, op.merge("out", late, op.map("account_rows", accounts, _unkeyed), unfit))


def _keyed(take: Take) -> tuple[str, Take]:
    return f"{take.after.partition:05d}", take


def _only_alerts(keyed: tuple[str, Found]) -> tuple[str, Alert] | None:
    key, found = keyed
    return (key, found) if isinstance(found, Alert) else None


def _only_entries(keyed: tuple[str, Found]) -> tuple[str, LaneState | Folded] | None:
    key, found = keyed
    return (key, found) if isinstance(found, LaneState | Folded) else None


def _only_rows(keyed: tuple[str, Found]) -> tuple[str, Rows] | None:
    return (ROWS_KEY, keyed[1]) if isinstance(keyed[1], Rows) else None


def _unkeyed(keyed: tuple[str, Rows]) -> tuple[str, Rows]:
    return ROWS_KEY, keyed[1]


def _unfit(take: Take) -> list[tuple[str, Rows]]:
    return [(ROWS_KEY, dead_letter_rows(take.dead))] if take.dead else []


def _late(levels: Levels, stale: Sequence[Sample]) -> Late:
    """Give samples that came too late; their watermark is the newest time of their server."""
    newest_ms = [levels.servers[of.game_id, of.server_id].newest_ms for of in stale]
    frame = pl.DataFrame(
        {
            "offset": [of.offset for of in stale],
            "event_time": [of.time_ms for of in stale],
            "watermark": newest_ms,
            "reason": "beyond_lateness",
            "raw": pl.Series([of.raw for of in stale], dtype=pl.Binary),
        }
    )
    return Late(NO_WINDOW_S, frame)
