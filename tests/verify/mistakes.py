"""Mistakes sown into the system for the simulation to find; each is what a wrong change could bring.

Rules: nothing of the product is changed: a mistake is a subclass or another function handed to `System`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from sources.gone import GonePartition
from sources.kafka import KafkaSource
from sources.kafka_partition import KafkaPartition
from verify.simulation.graph import Graph
from verify.simulation.sinks import Writer
from verify.simulation.world import System
from windows.lane import Lane
from windows.operator import AccountsLogic, SlotLogic
from windows.plan import NEVER
from windows.rows import Rows
from windows.take import Arrivals, Take


class Hasty(Writer):
    """Its snapshot does not wait for the acknowledgement."""

    def flush(self) -> None:
        if self.random.random() < 0.5:
            super().flush()


class GivesUp(Writer):
    """Drops an insert that failed before its effect."""

    def _fails(self, content: Any) -> bool:
        if super()._fails(content):
            self.queued.pop(0)
            return True
        return False


class Forgetful(Lane):
    """Its ring is not refilled at start."""

    def remember(self, arrivals: Arrivals) -> None:
        """Learn nothing."""


class Together(Lane):
    """Its watermark is the newest of all partitions, so verdicts depend on who read first."""

    newest = NEVER

    def take(self, arrivals: Arrivals) -> Take:
        newest = max(self.state.newest_ms, Together.newest)
        self.state = msgspec.structs.replace(self.state, newest_ms=newest)
        taken = super().take(arrivals)
        Together.newest = max(Together.newest, self.state.newest_ms)
        return taken


class Hurried(KafkaPartition):
    """Uses a floor at once, before any snapshot holds it."""

    def next_batch(self) -> list[Take]:
        if self._quiet.long_enough and not (self._ahead or self._unjudged):
            self._floor = max(self._floor, self._around.board.floor_for(self._handed.partition))
        return super().next_batch()


class Eager(KafkaPartition):
    """Writes into its snapshot what it has judged, not what it has handed on."""

    def snapshot(self) -> bytes:
        self._handed = self._lane.state
        return super().snapshot()


def source_of(part: type[KafkaPartition]) -> Callable[..., KafkaSource]:
    """Give a source of such partitions."""

    class Source(KafkaSource):
        def build_part(
            self, step_id: str, for_part: str, resume_state: bytes | None
        ) -> KafkaPartition | GonePartition:
            built = super().build_part(step_id, for_part, resume_state)
            built.__class__ = part
            return built

    return Source


def logic_of(step: str, made: Callable[[Any], Any]) -> Callable[[Graph], Graph]:
    """Change what a stateful step builds; `made` gets the right builder and gives a wrong one."""

    def mend(graph: Graph) -> Graph:
        steps = dict(graph.steps)
        for name, of in steps.items():
            if name.endswith(step):
                right = of.operator.builder
                steps[name] = replace(of, operator=_Changed(of.operator.down, made(right)))
        takers = {stream: [steps[of.step_id] for of in taking] for stream, taking in graph.takers.items()}
        return Graph(steps, _all(takers))

    return mend


def _all(takers: dict[str, Any]) -> Any:
    found = Graph().takers
    found.update(takers)
    return found


class _Changed:
    def __init__(self, down: Any, builder: Any) -> None:
        self.down, self.builder = down, builder


def clean_after_restore(right: Any) -> Any:
    """Take restored rows as written, though a crash may have come before."""

    def build(packed: bytes | None) -> SlotLogic:
        logic: SlotLogic = right(packed)
        if logic._slot is not None:
            for window in logic._slot.windows.values():
                window.note_written()
            logic._due = None
        return logic

    return build


def no_rows_at_eviction(right: Any) -> Any:
    """Free windows without giving out their last rows."""

    class Careless(SlotLogic):
        def on_batch(self, values: list[Any]) -> Any:
            before = self.live_windows
            out, discard = super().on_batch(values)
            freed = self.live_windows < before
            return [of for of in out if not (freed and isinstance(of, Rows))], discard

    def build(packed: bytes | None) -> SlotLogic:
        logic: SlotLogic = right(packed)
        logic.__class__ = Careless
        return logic

    return build


def forgets_accounts(right: Any) -> Any:
    """Start the books anew after a crash."""

    def build(packed: bytes | None) -> AccountsLogic:
        del packed
        anew: AccountsLogic = right(None)
        return anew

    return build


def forget_nothing(database: Path) -> None:
    """Leave the states of unfinished epochs in the store."""
    del database


def forget_too_much(database: Path) -> None:
    """Drop the states of the last finished epoch too."""
    with sqlite3.connect(database / "part-0.sqlite3") as store:
        store.execute("DELETE FROM snaps WHERE snap_epoch >= (SELECT max(worker_frontier) - 1 FROM fronts)")
    store.close()


def _unversioned(rows: Rows) -> Rows:
    if "version" not in rows.frame.columns:
        return rows
    return Rows(rows.table, rows.frame.with_columns(rows.frame["version"] * 0))


class Unordered(Writer):
    """Lets whatever is written last win."""

    def step(self) -> None:
        self.queued[:] = [_unversioned(of) if isinstance(of, Rows) else of for of in self.queued]
        super().step()


MISTAKES: dict[str, System] = {
    "a snapshot that does not wait for the sink": System(writer=Hasty),
    "a failed insert is dropped": System(writer=GivesUp),
    "a version that does not grow": System(writer=Unordered),
    "states of an unfinished epoch are kept": System(forget=forget_nothing),
    "a finished epoch is forgotten": System(forget=forget_too_much),
    "a ring that is not read again": System(lane=Forgetful),
    "one watermark for all partitions": System(lane=Together),
    "a floor used before it is committed": System(source=source_of(Hurried)),
    "a snapshot of what was read, not of what was handed on": System(source=source_of(Eager)),
    "restored rows are not written again": System(mend=logic_of(".fold", clean_after_restore)),
    "windows freed without their last rows": System(mend=logic_of(".fold", no_rows_at_eviction)),
    "books that begin anew": System(mend=logic_of(".accounts", forgets_accounts)),
}
