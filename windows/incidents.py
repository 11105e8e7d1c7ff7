"""Alarms to incidents, as a Bytewax step: rows of `server_incidents`, and messages that are due.

Rules:
- One stateful step, `groups`, with one key: incidents go over all servers. Its id is a constant: a renamed
  step silently loses its state.
- A change of an alarm stands where its partition had come to when it was seen. It is grouped when every
  partition has come further: then nothing can come before it any more, so the order, and all that follows
  from it, is the same for any order of arrival, any cut of the log into takes, and after any crash.
- A partition that the broker has proven silent holds nobody back: it is moved on by the time that it was
  silent, and to where the others are. That is done in a snapshot and used after it, when it is committed;
  what it sends later stands there. One that was not heard of in `LOST` snapshots (Kafka lost its leader, or
  it was read to its end) is treated alike: who is on call must not wait for it.
- The end of the input groups nothing: it only writes rows as they would be if nothing came any more. Those
  that turn out wrong are withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import TypeAlias

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from models.incident import Incident
from models.incident_message import message
from models.incidents import Incidents, Step, seen
from models.server_alarm import Alarm
from topics.fraud_outbox import Outgoing
from windows.anomaly_rows import early_rows, incident_rows, withdrawn_rows
from windows.codec import FORMAT, packed_state, read_state
from windows.plan import NEVER, Plan
from windows.rows import Rows

Told: TypeAlias = Rows | Outgoing
KEY = "all"
LOST = 60  # snapshots, so one or two minutes in which others were heard of


@dataclass(frozen=True, slots=True)
class Alarms:
    """What one take says of alarms: what changed, and how far its partition has come.

    No later change of the partition is seen before `guarantee_ms`: what `models.seen` gives for the last of
    all samples so far, or the partition's floor if that is higher; both follow from log and snapshot.
    `quiet_ms` is for how long the broker has proven the partition silent; 0: this take is no such news.
    `partitions` is how many the topic has.
    """

    partition: int
    partitions: int
    guarantee_ms: int
    quiet_ms: int = 0
    alarms: tuple[Alarm, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """A change that is not grouped yet, and the position that it stands at."""

    at_ms: int
    alarm: Alarm


class IncidentsState(msgspec.Struct, frozen=True):
    """All that is open, waits or was written early; `reached` is how far each partition has come."""

    format: int
    reached: dict[int, int]
    passed_ms: int
    waiting: list[Waiting]
    incidents: list[Incident]
    early: list[Incident]
    ends: int


class IncidentsLogic(StatefulBatchLogic[Alarms, Told, bytes]):
    """Keeps the incidents of all games."""

    def __init__(self, plan: Plan, packed: bytes | None) -> None:
        self._generation = plan.generation
        self._partitions = 0
        self._silent: dict[int, int] = {}  # of this epoch's news: to where each partition was proven silent
        self._unheard: dict[int, int] = {}  # snapshots since each partition was heard of
        state = IncidentsState(FORMAT, {}, NEVER, [], [], [], 0)
        if packed is not None:
            state = read_state(packed, IncidentsState, "open incidents")
        self._reached, self._passed_ms = dict(state.reached), state.passed_ms
        self._waiting = sorted(seen(of.at_ms, of.alarm) for of in state.waiting)
        self._incidents = Incidents(state.incidents)
        self._early = {of.incident_id: of for of in state.early}
        self._ends = state.ends  # of the input, so far

    def on_batch(self, values: list[Alarms]) -> tuple[Iterable[Told], bool]:
        """Place what came, and group what nothing can come before any more."""
        for value in values:
            self._place(value)
        return self._grouped(), False

    def on_eof(self) -> tuple[Iterable[Told], bool]:
        """Write rows as they would be if nothing came any more; nothing is grouped."""
        known = {of.incident_id for of in self._incidents.open}
        would = Incidents(deepcopy(self._incidents.open))
        steps = [step for change in sorted(self._waiting) for step in would.take(change)]
        stand = {step.incident.incident_id: step.incident for step in steps}
        for of in would.open:
            if not of.unresolved:
                of.end()
                stand[of.incident_id] = of
        wrong = [of for name, of in self._early.items() if name not in stand]
        self._early = {name: of for name, of in stand.items() if name not in known}
        self._ends += 1
        return self._early_told(stand.values(), wrong), False

    def snapshot(self) -> bytes:
        """Move silent partitions on, and write everything."""
        self._move_silent()
        waiting = [Waiting(of.at_ms, of.alarm) for of in self._waiting]
        early = list(self._early.values())
        return packed_state(
            IncidentsState(
                FORMAT, self._reached, self._passed_ms, waiting, self._incidents.open, early, self._ends
            )
        )

    def _place(self, value: Alarms) -> None:
        """Give changes their positions, and move their partition on."""
        self._partitions = max(self._partitions, value.partitions)
        before_ms = self._reached.get(value.partition, self._passed_ms)
        reached_ms = max(before_ms, value.guarantee_ms)
        for alarm in value.alarms:
            heappush(self._waiting, seen(max(before_ms, alarm.seen_ms or alarm.time_ms), alarm))
        self._reached[value.partition] = reached_ms
        self._unheard[value.partition] = 0
        self._silent.pop(value.partition, None)
        if value.quiet_ms > 0:
            self._silent[value.partition] = max(reached_ms, value.guarantee_ms + value.quiet_ms)

    def _grouped(self) -> list[Told]:
        """Group all that stands before the place that every partition has reached."""
        if len(self._reached) >= self._partitions:
            self._passed_ms = max(self._passed_ms, min(self._reached.values()))
        out: list[Told] = []
        changed: dict[str, Incident] = {}
        for step in self._steps():
            changed[step.incident.incident_id] = step.incident
            if step.message:
                out.append(message(step.incident, step.message))
        if changed:
            out.append(incident_rows(changed.values(), self._generation))
        out.extend(self._withdrawn(changed))
        return out

    def _steps(self) -> Iterator[Step]:
        while self._waiting and self._waiting[0].at_ms < self._passed_ms:
            yield from self._incidents.take(heappop(self._waiting))
        yield from self._incidents.pass_to(self._passed_ms)

    def _withdrawn(self, changed: Iterable[str]) -> Iterator[Rows]:
        """Take early rows back that were not confirmed when their time came."""
        for name in changed:
            self._early.pop(name, None)
        gone = [of for of in self._early.values() if of.first_ms < self._passed_ms]
        for of in gone:
            del self._early[of.incident_id]
        if gone:
            yield withdrawn_rows(gone, self._generation)

    def _early_told(self, stand: Collection[Incident], wrong: Collection[Incident]) -> list[Told]:
        out: list[Told] = []
        if stand:
            out.append(early_rows(stand, self._generation, self._ends))
        if wrong:
            out.append(withdrawn_rows(wrong, self._generation, self._ends))
        return out

    def _move_silent(self) -> None:
        """Move partitions on that were silent or lost; bytewax asks on only when this is committed."""
        for partition, reached_ms in self._reached.items():
            self._unheard[partition] = self._unheard.get(partition, 0) + 1
            if self._unheard[partition] > LOST:
                self._silent.setdefault(partition, reached_ms)
        busy = [ms for partition, ms in self._reached.items() if partition not in self._silent]
        others_ms = min(busy) if busy else max(self._silent.values(), default=NEVER)
        for partition, silent_ms in self._silent.items():
            self._reached[partition] = max(self._reached[partition], silent_ms, others_ms)
        self._silent.clear()


@operator
def incidents(step_id: str, alarms: Stream[Alarms], plan: Plan) -> Stream[Told]:
    """Group alarms; gives rows of `server_incidents_upserts`, and messages for the outbox."""
    del step_id  # bytewax names the steps inside by it
    keyed = op.key_on("keyed", alarms, _key)
    return op.map("told", op.stateful_batch("groups", keyed, partial(IncidentsLogic, plan)), _unkeyed)


def _key(alarms: Alarms) -> str:
    del alarms
    return KEY


def _unkeyed(keyed: tuple[str, Told]) -> Told:
    return keyed[1]
