"""Alarms grouped to incidents, one game apart from another: a chain of alarms with no gap above a minute.

Rules:
- Changes of alarms come in the order of `Seen`, whatever the partitions did; so ids, rows and messages are
  the same for any order of arrival. Nothing here knows how the order is made (`windows.incidents`).
- An alarm that opens joins the game's newest incident while that takes alarms, resolved or not; else it
  begins one. A change for the worse of an alarm that nobody knows any more counts as one that opens.
- Receivers hear of an incident a little after its first alarm, when it got severer or doubled its servers,
  and when it is over: all alarms are resolved and no more may join, or there was no news for a day.
- What is over is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

import msgspec

from models.incident import Incident, begun
from models.server_alarm import Alarm, Change


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """A change of an alarm, and its place in the order: position (epoch ms), then what names the change."""

    at_ms: int
    game_id: str
    server_id: str
    metric: str
    kind: str
    opened_ms: int
    told: int
    content: bytes
    alarm: Alarm = field(compare=False)


def seen(at_ms: int, alarm: Alarm) -> Seen:
    """Give a change its place."""
    named = (alarm.game_id, alarm.server_id, alarm.metric, str(alarm.kind))
    return Seen(at_ms, *named, alarm.opened_ms, alarm.told, msgspec.msgpack.encode(alarm), alarm)


class Step(msgspec.Struct, frozen=True):
    """What became of an incident, as it stands by then; `message` is the how-manieth, 0: none is due."""

    incident: Incident
    message: int = 0


class Incidents:
    """All incidents that are not over, and those they may still become.

    Args:
        incidents: as `open` gave them, to go on.

    """

    def __init__(self, incidents: Iterable[Incident] = ()) -> None:
        self._of_id: dict[str, Incident] = {}
        self._newest: dict[str, Incident] = {}  # of each game
        self._of_alarm: dict[str, Incident] = {}
        self._due: list[tuple[int, str]] = []  # a heap
        self._due_ms: dict[str, int] = {}  # of each incident, its first in the heap
        for incident in sorted(incidents, key=lambda of: of.first_ms):
            self._keep(incident)

    @property
    def open(self) -> list[Incident]:
        """Give all that are not over, the oldest first."""
        return list(self._of_id.values())

    def take(self, change: Seen) -> Iterator[Step]:
        """Take the next change in order; gives what fell due before it, and what it did."""
        yield from self.pass_to(change.at_ms)
        alarm = change.alarm
        incident = self._of_alarm.get(alarm.anomaly_id)
        if alarm.change is Change.RESOLVED:
            if incident is None:
                return
            incident.resolve(change.at_ms, alarm)
            del self._of_alarm[alarm.anomaly_id]
        elif incident is not None:
            incident.worsen(change.at_ms, alarm)
        else:
            incident = self._opened(change)
        self._plan(incident)
        yield Step(incident)

    def pass_to(self, at_ms: int) -> Iterator[Step]:
        """Do what fell due before a position, in its order."""
        while self._due and self._due[0][0] < at_ms:
            due_ms, name = heappop(self._due)
            if self._due_ms.get(name) != due_ms:
                continue  # an earlier one took its place
            del self._due_ms[name]
            incident = self._of_id[name]
            if incident.due_ms == due_ms:  # else news put it off
                yield self._done(incident)
            if incident.over_ms is None:
                self._plan(incident)

    def _done(self, incident: Incident) -> Step:
        """Do what is due."""
        if incident.news_ms is None:
            incident.end()
            self._forget(incident)
        incident.tell()
        return Step(incident, incident.told.messages)

    def _plan(self, incident: Incident) -> None:
        """See to it that the incident is looked at when it is due, or before."""
        due_ms, name = incident.due_ms, incident.incident_id
        if due_ms < self._due_ms.get(name, due_ms + 1):
            self._due_ms[name] = due_ms
            heappush(self._due, (due_ms, name))

    def _opened(self, change: Seen) -> Incident:
        newest = self._newest.get(change.game_id)
        if newest is not None and newest.takes(change.at_ms):
            newest.join(change.at_ms, change.alarm)
            self._of_alarm[change.alarm.anomaly_id] = newest
            return newest
        incident = begun(change.at_ms, change.alarm)
        self._keep(incident)
        return incident

    def _keep(self, incident: Incident) -> None:
        self._of_id[incident.incident_id] = self._newest[incident.game_id] = incident
        self._of_alarm.update(dict.fromkeys(incident.unresolved, incident))
        self._plan(incident)

    def _forget(self, incident: Incident) -> None:
        del self._of_id[incident.incident_id]
        if self._newest.get(incident.game_id) is incident:
            del self._newest[incident.game_id]
        for alarm in incident.unresolved:
            self._of_alarm.pop(alarm, None)
