"""One incident: alarms of a game that came close together, what they tell by now, and when more is due.

Rules:
- An incident follows from its alarms in their order alone. Its id is that of its first alarm, hashed with the
  game; `changes` counts what it has taken in, so two tellings of it can be put in order.
- Each has one `due_ms`: the position (epoch ms) after which something is to be said or done about it, if no
  more news of it comes before.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from models.server_alarm import CRITICAL, WARNING, Alarm

GAP_MS = 60_000  # an alarm joins when the one before came at most this long ago
LONGEST_MS = 3_600_000  # an incident takes alarms so long; what goes on after that is told anew
SETTLE_MS = 10_000  # news waits so long for more: alarms of a whole fleet are one message
FORGOTTEN_MS = 86_400_000  # without any news, an alarm that nobody resolved is given up
MOST_SHOWN = 5  # alarms that are held whole, to be shown
DOUBLED = 2
STRENGTH: Final = {WARNING: 1, CRITICAL: 2}


class Told(msgspec.Struct):
    """What receivers know: messages so far, and the severity and servers of the last."""

    messages: int = 0
    severity: str = ""
    servers: int = 0


class Incident(msgspec.Struct, kw_only=True):
    """An incident that is not over; positions say when its news was seen (`Alarm.seen_ms`, made to rise).

    `shown` are its first alarms as they opened, `unresolved` its open alarms' ids, `what` counts alarms by
    metric and kind, `news_ms` is the position of what must be told, if anything must, `told_ms` the event
    time of the last that had to be. `quieted_ms` is the event time of the last resolution.
    """

    incident_id: str
    shown: list[Alarm]
    first_ms: int
    last_ms: int
    changed_ms: int
    last_alarm_ms: int
    severity: str
    score: float
    unresolved: set[str]
    servers: set[str]
    fleets: set[str]
    regions: set[str]
    what: dict[tuple[str, str], int]
    alarms: int = 0
    changes: int = 0
    news_ms: int | None = None
    told_ms: int = 0
    over_ms: int | None = None
    quieted_ms: int = 0
    told: Told = msgspec.field(default_factory=Told)

    @property
    def first(self) -> Alarm:
        """Give the alarm that it began with."""
        return self.shown[0]

    @property
    def game_id(self) -> str:
        """Name the game."""
        return self.first.game_id

    @property
    def opened_ms(self) -> int:
        """Give the event time (epoch ms) that it opened at."""
        return self.first.time_ms

    @property
    def due_ms(self) -> int:
        """Give the position after which it is to be told, closed or given up."""
        if self.news_ms is not None:
            return self.news_ms + SETTLE_MS
        if self.unresolved:
            return self.changed_ms + FORGOTTEN_MS
        return max(self.last_ms + GAP_MS, self.changed_ms)

    def takes(self, at_ms: int) -> bool:
        """Tell whether an alarm that opens at a position joins."""
        return at_ms <= min(self.last_ms + GAP_MS, self.first_ms + LONGEST_MS)

    def join(self, at_ms: int, alarm: Alarm) -> None:
        """Take in an alarm that opens."""
        self.alarms += 1
        self.last_ms = at_ms
        self.last_alarm_ms = max(self.last_alarm_ms, alarm.time_ms)
        self.unresolved.add(alarm.anomaly_id)
        self.servers.add(alarm.server_id)
        self.fleets.add(alarm.fleet_id)
        self.regions.add(alarm.region)
        what = (alarm.metric, str(alarm.kind))
        self.what[what] = self.what.get(what, 0) + 1
        if self.alarms <= MOST_SHOWN:
            self.shown.append(alarm)
        self.worsen(at_ms, alarm)

    def worsen(self, at_ms: int, alarm: Alarm) -> None:
        """Take in how severe an alarm is."""
        self._note(at_ms)
        self.score = max(self.score, alarm.score)
        if STRENGTH.get(alarm.severity, 0) > STRENGTH.get(self.severity, 0):
            self.severity = alarm.severity
        if self.news_ms is None and self._is_news():
            self.news_ms, self.told_ms = at_ms, alarm.time_ms

    def resolve(self, at_ms: int, alarm: Alarm) -> None:
        """Take in that an alarm is resolved."""
        self._note(at_ms)
        self.unresolved.discard(alarm.anomaly_id)
        self.quieted_ms = max(self.quieted_ms, alarm.time_ms)

    def tell(self) -> None:
        """Note that receivers now know how it stands."""
        self.told = Told(self.told.messages + 1, self.severity, len(self.servers))
        self.news_ms = None

    def end(self) -> None:
        """Note that it is over: its alarms are resolved, or were given up."""
        self.changes += 1
        given_up_ms = self.changed_ms + FORGOTTEN_MS
        self.over_ms = given_up_ms if self.unresolved else max(self.quieted_ms, self.opened_ms)

    def _note(self, at_ms: int) -> None:
        self.changes += 1
        self.changed_ms = max(self.changed_ms, at_ms)

    def _is_news(self) -> bool:
        severer = STRENGTH.get(self.severity, 0) > STRENGTH.get(self.told.severity, 0)
        return not self.told.messages or severer or len(self.servers) >= DOUBLED * self.told.servers


def begun(at_ms: int, alarm: Alarm) -> Incident:
    """Begin an incident with its first alarm."""
    incident = Incident(
        incident_id=incident_id(alarm),
        shown=[],
        first_ms=at_ms,
        last_ms=at_ms,
        changed_ms=at_ms,
        last_alarm_ms=alarm.time_ms,
        severity=alarm.severity,
        score=alarm.score,
        unresolved=set(),
        servers=set(),
        fleets=set(),
        regions=set(),
        what={},
    )
    incident.join(at_ms, alarm)
    return incident


def incident_id(first: Alarm) -> str:
    """Name an incident: the first 128 bits of SHA-256 over the game and its first alarm, in hex.

    An alarm that was given up and is heard of again begins another incident: then the change is named too.
    """
    named = (
        (first.game_id, first.anomaly_id)
        if first.told == 1
        else (first.game_id, first.anomaly_id, str(first.told))
    )
    return sha256("\x1f".join(named).encode()).hexdigest()[:32]
