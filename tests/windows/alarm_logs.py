"""Made logs of alarms, and readings of them: any interleaving, any cut into takes, crashes in between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.server_alarm import CRITICAL, WARNING, Alarm, Change, Kind
from topics.fraud_outbox import Outgoing
from windows.incidents import Alarms, IncidentsLogic, Told
from windows.plan import NO_WINDOW_S, Plan
from windows.rows import Rows

START_MS = 1_700_000_000_000
END_MS = START_MS + 40 * 86_400_000
PLAN = Plan("server_health", (), (NO_WINDOW_S,), generation=3)
Log = list[Alarm]  # changes of one partition, in offset order


def alarm(  # noqa: PLR0913  what tests tell apart
    server: str,
    at_s: float,
    change: Change = Change.OPENED,
    *,
    opened_s: float | None = None,
    told: int = 1,
    severity: str = WARNING,
    kind: Kind = Kind.SHIFT,
    metric: str = "latency",
    game: str = "",
    region: str = "eu-west",
    seen_s: float | None = None,
) -> Alarm:
    """Make a change of an alarm; times in seconds after the start."""
    at_ms = START_MS + round(at_s * 1000)
    opened_ms = at_ms if opened_s is None else START_MS + round(opened_s * 1000)
    return Alarm(
        game_id=game,
        server_id=server,
        metric=metric,
        kind=kind,
        change=change,
        severity=severity,
        opened_ms=opened_ms,
        time_ms=at_ms,
        since_ms=opened_ms - 20_000,
        value=812.3,
        low=14.0,
        high=60.0,
        score=0.9,
        told=told,
        region=region,
        seen_ms=at_ms if seen_s is None else START_MS + round(seen_s * 1000),
    )


def made(seed: int, partitions: int, servers: int = 12) -> list[Log]:
    """Make logs: bursts of alarms over servers, some worse, most resolved, with pauses of every length."""
    chance = random.Random(seed)
    logs: list[list[Alarm]] = [[] for _ in range(partitions)]
    at_s = 0.0
    for _ in range(chance.randrange(1, 6)):
        at_s += chance.choice((1, 59, 60, 61, 300, 3_600, 90_000))
        for server in chance.sample(range(servers), chance.randrange(1, servers)):
            logs[server % partitions] += story(
                chance, f"s{server:02d}", at_s + chance.choice((0, 0, 1, 7, 30, 65))
            )
    return [in_offset_order(log) for log in logs]


def story(chance: random.Random, server: str, at_s: float) -> Iterator[Alarm]:
    """Tell one alarm from its opening to its end, if it has one."""
    metric, game = chance.choice(("latency", "cpu_load")), chance.choice(("", "dragons"))
    told, severity, opened_s = 1, chance.choice((WARNING, WARNING, CRITICAL)), at_s
    yield alarm(server, at_s, severity=severity, metric=metric, game=game)
    for change in chance.choice(([], [Change.RESOLVED], [Change.RESOLVED], [Change.WORSE, Change.RESOLVED])):
        told, at_s = told + 1, at_s + chance.choice((1, 20, 59, 120, 4_000, 86_399, 86_401, 100_000))
        severity = CRITICAL if change is Change.WORSE else severity
        yield alarm(
            server, at_s, change, opened_s=opened_s, told=told, severity=severity, metric=metric, game=game
        )


def in_offset_order(log: Log) -> Log:
    """Order a partition's changes as they are seen."""
    return sorted(log, key=lambda of: (of.seen_ms, of.server_id, of.metric, of.opened_ms, of.told))


@dataclass
class Read:
    """What a reading has told, as tables and receivers keep it."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, Outgoing] = field(default_factory=dict)
    written: list[Rows] = field(default_factory=list)

    def take(self, told: list[Told]) -> None:
        """Keep the highest version of a row and the first body of a message; equal ones must be equal."""
        for one in told:
            if isinstance(one, Outgoing):
                assert self.messages.setdefault(str(one.id), one) == one
                continue
            self.written.append(one)
            for row in one.frame.to_dicts():
                known = self.rows.get(row["incident_id"])
                if known is None or row["version"] > known["version"]:
                    self.rows[row["incident_id"]] = row
                elif row["version"] == known["version"]:
                    assert row == known

    def shown(self) -> dict[str, dict[str, Any]]:
        """Give rows as the view shows them."""
        return {name: row for name, row in self.rows.items() if not row["withdrawn"]}


@dataclass
class Reading:
    """A flow that reads logs in some order and falls over now and then."""

    logs: list[Log]
    chance: random.Random
    crashes: float = 0.0
    told: Read = field(default_factory=Read)

    def __post_init__(self) -> None:
        self.at = [0] * len(self.logs)
        self.logic = IncidentsLogic(PLAN, None)
        self.saved: tuple[bytes | None, list[int]] = (None, list(self.at))

    def run(self) -> Read:
        """Read all, then hear that every partition has gone far beyond."""
        while any(at < len(log) for at, log in zip(self.at, self.logs, strict=True)):
            self._one_take()
            if self.chance.random() < 0.2:
                self.saved = (self.logic.snapshot(), list(self.at))
            if self.chance.random() < self.crashes:
                self.logic, self.at = IncidentsLogic(PLAN, self.saved[0]), list(self.saved[1])
        for partition in range(len(self.logs)):
            self._tell([Alarms(partition, len(self.logs), END_MS)])
        return self.told

    def stop(self) -> None:
        """Come to the end of the input, save, and begin anew from there."""
        self.told.take(list(self.logic.on_eof()[0]))
        self.saved = (self.logic.snapshot(), list(self.at))
        self.logic = IncidentsLogic(PLAN, self.saved[0])

    def _one_take(self) -> None:
        takes = []
        for _ in range(self.chance.randrange(1, 4)):
            partition = self.chance.randrange(len(self.logs))
            log, at = self.logs[partition], self.at[partition]
            more = log[at : at + self.chance.randrange(0, 6)]
            self.at[partition] += len(more)
            reached_ms = log[self.at[partition] - 1].seen_ms if self.at[partition] else START_MS
            mixed = tuple(self.chance.sample(more, len(more)))  # a take's alarms come metric by metric
            takes.append(Alarms(partition, len(self.logs), reached_ms, 0, mixed))
        self._tell(takes)

    def _tell(self, takes: list[Alarms]) -> None:
        self.told.take(list(self.logic.on_batch(takes)[0]))
