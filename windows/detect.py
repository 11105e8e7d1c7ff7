"""Servers watched as a Bytewax step: takes in; alarms for the incidents, and rows about the scoring out.

Rules:
- One stateful step inside, `watch`, keyed by the partition: its samples come in offset order, so what is
  found follows from the log alone. Its id is a constant: a renamed step silently loses its state.
- Every take gives its alarms, also none: incidents wait for what the slowest partition promises.
- A tick of silence (`Take.quiet`) is looked at here alone; nothing else depends on the clock. No log has it,
  so what follows from it, and all behind that, is told only once a snapshot holds it: else a crash could
  forget an alarm that was told.
- A topic that was created anew is another log: all its servers are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import bytewax.operators as op
import msgspec
import polars as pl
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from models.anomaly import LEARNING, SCORED, STALE
from models.server_alarm import Alarm
from models.server_watch import ServerWatch, WatchState
from windows.codec import FORMAT, packed_state, read_state
from windows.incidents import Alarms
from windows.operator import Clock
from windows.plan import SHARDS, Plan
from windows.rows import Rows
from windows.take import LaneState, Take

Found: TypeAlias = Alarms | Rows


class WatchedState(msgspec.Struct, frozen=True):
    """One partition's servers, the log that they are of, and alarms that are to be told from now on."""

    format: int
    log: str
    watch: WatchState
    held: list[Alarm] = []


class WatchLogic(StatefulBatchLogic[Take, Found, bytes]):
    """Watches one partition's servers."""

    def __init__(self, plan: Plan, clock: Clock, partitions: int, packed: bytes | None) -> None:
        self._plan, self._clock, self._partitions = plan, clock, partitions
        self._log, self._watch = "", self._watching()
        self._held: list[Alarm] = []
        self._saved = packed is not None
        if packed is not None:
            state = read_state(packed, WatchedState, "state of watched servers")
            self._log, self._watch, self._held = state.log, self._watching(state.watch), state.held
        self._wrote = clock.now()
        self._last: LaneState | None = None

    def on_batch(self, values: list[Take]) -> tuple[Iterable[Found], bool]:
        """Look at takes in order."""
        out: list[Found] = [self._alarms(take) for take in values]
        now = self._clock.now()
        if now - self._wrote >= self._clock.upsert_every:
            self._wrote = now
            out.extend(self._scoring())
        return out, False

    def on_eof(self) -> tuple[Iterable[Found], bool]:
        """Write what the scoring has come to."""
        return list(self._scoring()), False

    def snapshot(self) -> bytes:
        """Write all servers."""
        self._saved = True
        return packed_state(WatchedState(FORMAT, self._log, self._watch.state(), self._held))

    def _watching(self, state: WatchState | None = None) -> ServerWatch:
        watch = ServerWatch(state)
        watch.spread(self._partitions, round(self._clock.now().timestamp() * 1000))
        return watch

    def _alarms(self, take: Take) -> Alarms:
        if take.after.log != self._log:
            self._log, self._watch = take.after.log, self._watching()
        told, self._held = (self._held, []) if self._saved else ([], self._held)
        self._saved, alarms = False, []
        if take.events is not None and take.events.height:
            alarms += self._watch.see(take.events)
            self._last = take.after
        quiet = take.quiet
        by_tick = [] if quiet is None else self._watch.quiet(quiet.since_ms, quiet.now_ms)
        if by_tick or self._held:
            self._held += alarms + by_tick
        else:
            told += alarms
        silent_ms = quiet.now_ms - quiet.since_ms if quiet else 0
        reached_ms = self._watch.seen_ms
        return Alarms(take.after.partition, self._partitions, reached_ms, silent_ms, tuple(told))

    def _scoring(self) -> Iterator[Rows]:
        """Give the row of `server_scoring`, if there is news."""
        last, self._last = self._last, None
        if last is None:
            return
        counts = self._watch.verdicts
        frame = pl.DataFrame(
            {
                "flow": [self._plan.flow],
                "log": [last.log],
                "topic": [last.topic],
                "partition": pl.Series([last.partition], dtype=pl.Int32),
                "next_offset": pl.Series([last.next_offset], dtype=pl.Int64),
                "servers": pl.Series([len(self._watch.names)], dtype=pl.UInt64),
                **{
                    name: pl.Series([int(counts[code])], dtype=pl.UInt64)
                    for name, code in (
                        ("scored", SCORED),
                        ("learning", LEARNING),
                        ("stale", STALE),
                    )
                },
                "version": pl.Series([last.version], dtype=pl.UInt64),
            }
        )
        yield Rows("server_scoring_upserts", frame)


@dataclass(frozen=True, slots=True)
class Detected:
    """What comes out: alarms of every take, and rows keyed by shard."""

    alarms: Stream[Alarms]
    rows: KeyedStream[Rows]


@operator
def detect(step_id: str, takes: Stream[Take], plan: Plan, clock: Clock, partitions: int) -> Detected:
    """Watch the servers whose samples takes carry; `partitions` is how many the topic has."""
    del step_id  # bytewax names the steps inside by it
    by_partition = op.map("by_partition", takes, _keyed)
    found = op.stateful_batch("watch", by_partition, partial(WatchLogic, plan, clock, partitions))
    return Detected(op.filter_map("alarms", found, _only_alarms), op.filter_map("rows", found, _only_rows))


def _keyed(take: Take) -> tuple[str, Take]:
    return f"{take.after.partition:05d}", take


def _only_alarms(keyed: tuple[str, Found]) -> Alarms | None:
    return keyed[1] if isinstance(keyed[1], Alarms) else None


def _only_rows(keyed: tuple[str, Found]) -> tuple[str, Rows] | None:
    key, found = keyed
    return (f"{int(key) % SHARDS:02d}", found) if isinstance(found, Rows) else None
