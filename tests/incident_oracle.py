"""Incidents from all changes of alarms at once, by sorting and grouping: what any reading must give.

It shares no code with `models.incidents` but its limits, the wording and the message of an incident.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from models.incident import FORGOTTEN_MS, GAP_MS, LONGEST_MS, SETTLE_MS
from models.server_alarm import Alarm, Change

RANK = {"": 0, "warning": 1, "critical": 2}


@dataclass
class Group:
    """One incident: its changes by position, and its end."""

    at: list[int] = field(default_factory=list)
    changes: list[Alarm] = field(default_factory=list)

    def until(self, at_ms: int) -> Group:
        pairs = [(at, of) for at, of in zip(self.at, self.changes, strict=True) if at <= at_ms]
        return Group([at for at, _ in pairs], [of for _, of in pairs])

    @property
    def id(self) -> str:
        first = self.changes[0]
        name = [first.game_id, first.anomaly_id] + ([str(first.told)] if first.told > 1 else [])
        return sha256("\x1f".join(name).encode()).hexdigest()[:32]

    @property
    def alarms(self) -> dict[str, list[Alarm]]:
        """Give changes by alarm, in order."""
        found = defaultdict(list)
        for change in self.changes:
            found[change.anomaly_id].append(change)
        return dict(found)

    @property
    def unresolved(self) -> set[str]:
        return {name for name, changes in self.alarms.items() if changes[-1].change is not Change.RESOLVED}

    @property
    def openings(self) -> list[tuple[int, Alarm]]:
        seen, found = set[str](), []
        for at, change in zip(self.at, self.changes, strict=True):
            if change.anomaly_id not in seen:
                seen.add(change.anomaly_id)
                found.append((at, change))
        return found

    @property
    def severity(self) -> str:
        return max(
            (of.severity for of in self.changes if of.change is not Change.RESOLVED), key=RANK.__getitem__
        )

    @property
    def servers(self) -> set[str]:
        return {of.server_id for of in self.changes}

    def ends_at(self) -> int:
        """Give the position after which it is over, if nothing comes any more."""
        if self.unresolved:
            return self.at[-1] + FORGOTTEN_MS
        return max(self.openings[-1][0] + GAP_MS, self.at[-1])

    def over_ms(self) -> int:
        if self.unresolved:
            return self.at[-1] + FORGOTTEN_MS
        ended = [of.time_ms for of in self.changes if of.change is Change.RESOLVED]
        return (
            max(*ended, self.changes[0].time_ms) if len(ended) > 1 else max(ended[0], self.changes[0].time_ms)
        )

    def tellings(self) -> list[tuple[int, str]]:
        """Give positions at which it is told, and how: one a settling time after what was news."""
        found: list[tuple[int, str]] = []
        severity, servers, news = "", 0, None
        for at in self.at:
            if news is not None and at > news + SETTLE_MS:
                then = self.until(news + SETTLE_MS)
                found.append((news + SETTLE_MS, "updated" if found else "opened"))
                severity, servers, news = then.severity, len(then.servers), None
            if news is None:
                for now in self._steps_at(at):
                    worse = RANK[now.severity] > RANK[severity]
                    if not found or worse or len(now.servers) >= 2 * servers:
                        news = at
        if news is not None:
            found.append((news + SETTLE_MS, "updated" if found else "opened"))
        return [*found, (self.ends_at(), "resolved")]

    def _steps_at(self, at_ms: int) -> Iterable[Group]:
        """Give how it stood after each change at a position that is no resolution."""
        for count in range(1, len(self.at) + 1):
            if self.at[count - 1] == at_ms and self.changes[count - 1].change is not Change.RESOLVED:
                yield Group(self.at[:count], self.changes[:count])


def groups(changes: Sequence[tuple[int, Alarm]]) -> list[Group]:
    """Group changes (position, alarm) of all games."""
    order = sorted(
        changes,
        key=lambda of: (
            of[0],
            of[1].game_id,
            of[1].server_id,
            of[1].metric,
            of[1].kind,
            of[1].opened_ms,
            of[1].told,
        ),
    )
    found: list[Group] = []
    for game in {of.game_id for _, of in order}:
        found += _of_game([(at, of) for at, of in order if of.game_id == game])
    return found


def _of_game(order: list[tuple[int, Alarm]]) -> list[Group]:
    found: list[Group] = []
    holder: dict[str, Group] = {}
    for at, change in order:
        group = holder.get(change.anomaly_id)
        if group is not None and at > group.ends_at():
            group = None  # it was given up
        if group is None:
            if change.change is Change.RESOLVED:
                continue
            newest = found[-1] if found else None
            joins = newest is not None and at <= min(
                newest.openings[-1][0] + GAP_MS, newest.at[0] + LONGEST_MS
            )
            group = newest if joins and newest is not None else Group()
            if not joins:
                found.append(group)
        group.at.append(at)
        group.changes.append(change)
        holder[change.anomaly_id] = group
        if change.change is Change.RESOLVED:
            del holder[change.anomaly_id]
    return found
