"""Missed heartbeats in plain Python, sample by sample and every server after each: what `Beats` must find.

It keeps every step of time since each server's last beat, and adds them up when it asks how long that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.heartbeats import Beat
from models.server_alarm import Change

DAY_MS = 86_400_000
CAPS = [round(1000 * 2 ** (half / 2)) for half in range(1, 36)]
Step = tuple[int, bool]  # how long, and whether it is proven


@dataclass
class Known:
    """One server."""

    last: int
    previous: int
    arrived: int
    leaving: bool
    old: int
    beats: int = 1
    deliveries: int = 1
    gaps: list[int] = field(default_factory=list)
    slow: int = 0
    delay_us: int = 0
    opened: int | None = None
    by_events: list[Step] = field(default_factory=list)
    by_kafka: list[Step] = field(default_factory=list)
    by_past: list[Step] = field(default_factory=list)

    @property
    def every(self) -> int:
        """The interval that half of the time is spent in."""
        total = 0
        for gap in sorted(self.gaps):
            total += gap
            if 2 * total >= sum(self.gaps):
                return max(gap, 1000)
        return 0

    @property
    def interval(self) -> int:
        return max(self.every, self.slow)

    @property
    def awaited(self) -> bool:
        return self.beats >= 5 and (self.old > 0 or self.deliveries >= 3) and not self.leaving

    def silent(self) -> int:
        cap = next((cap for cap in CAPS if cap >= 1.25 * self.interval), CAPS[-1])
        ways = [[self.by_events, self.by_kafka], [self.by_events], [self.by_past]][self.old]
        return min(sum(ms if proven else min(ms, cap) for ms, proven in way) for way in ways)


class Oracle:
    """One partition."""

    def __init__(self) -> None:
        self.servers: dict[int, Known] = {}
        self.newest: int | None = None
        self.newest_kafka = self.proven = self.proven_kafka = 0
        self.frozen_to, self.pause_ns = -(10**18), 0
        self.told: tuple[int, int] | None = None

    def beat(self, server: int, time_ms: int, kafka_ms: int, leaving: bool) -> list[Beat]:  # noqa: FBT001
        time_ms = min(time_ms, kafka_ms)
        known = self.servers.get(server)
        silent = known.silent() if known else 0
        if known and known.deliveries < 3:
            silent = max(silent, kafka_ms - known.arrived)
        self._pass(time_ms, kafka_ms)
        found: list[Beat] = []
        if known is None:
            self.servers[server] = Known(time_ms, time_ms, kafka_ms, leaving, age(time_ms, kafka_ms))
            return self._look()
        gap = self._gap(known, time_ms, kafka_ms)
        if gap is None:
            known.leaving |= leaving and time_ms == known.last
        else:
            if known.opened is not None:
                found.append(told(server, known, Change.RESOLVED, max(time_ms, known.opened)))
            if not known.leaving:
                self._learn(known, gap, silent)
            known.deliveries += known.old > 0 or 2 * (kafka_ms - known.arrived) >= gap
            known.last, known.leaving, known.opened = time_ms, leaving, None
            known.old = age(time_ms, kafka_ms)
            known.beats += 1
            known.by_events, known.by_kafka, known.by_past = [], [], []
        known.previous, known.arrived = time_ms, kafka_ms
        return found + self._look()

    def quiet(self, since_ms: int, now_ms: int) -> list[Beat]:
        begin = self.told[1] if self.told and self.told[0] == since_ms else since_ms
        self.told = (since_ms, max(now_ms, begin))
        ms = max(now_ms - begin, 0)
        self.proven += ms
        self.proven_kafka += ms
        for known in self.servers.values():
            known.by_events.append((ms, True))
            known.by_kafka.append((ms, True))
        return self._look()

    def _pass(self, time_ms: int, kafka_ms: int) -> None:
        if self.newest is None:
            self.newest, self.newest_kafka = time_ms, kafka_ms
            return
        if kafka_ms > self.newest_kafka:
            unproven = max(kafka_ms - self.newest_kafka - self.proven_kafka, 0)
            if unproven > 1_000 and unproven > self.pause_ns * 2 // 10**6:
                self.frozen_to = kafka_ms + min(unproven, 15_000)
            counts = min(unproven, max(kafka_ms - self.frozen_to, 0))
            for known in self.servers.values():
                known.by_kafka.append((counts, False))
            self.pause_ns -= self.pause_ns * min(unproven, 1_800_000) // 1_800_000
            believed_ns = max(self.pause_ns * 5 // 4, 250 * 10**6)
            self.pause_ns = max(self.pause_ns, min(unproven * 10**6, 6 * 10**11, believed_ns))
            self.newest_kafka, self.proven_kafka = kafka_ms, 0
        if time_ms > self.newest:
            proven = min(time_ms - self.newest, self.proven)
            for known in self.servers.values():
                known.by_events.append((time_ms - self.newest - proven, False))
                known.by_past.append((time_ms - self.newest, False))
            self.proven -= proven
            self.newest = time_ms

    @staticmethod
    def _gap(known: Known, time_ms: int, kafka_ms: int) -> int | None:
        if time_ms > known.last:
            return time_ms - known.last
        on = time_ms - known.previous
        far = known.last - time_ms >= max(known.every, 1000)
        return on if on > 0 and far and on <= 2 * (kafka_ms - known.arrived) else None

    @staticmethod
    def _learn(known: Known, gap: int, silent: int) -> None:
        every = known.every
        known.delay_us -= known.delay_us * min(silent, 1_800_000) // 1_800_000
        if every and gap <= 2 * every:
            known.delay_us = max(known.delay_us, 1000 * min(silent - every, 60_000))
        gap = min(gap, DAY_MS)
        if not every or known.beats < 5 or gap <= 3 * every:
            known.slow = 0
            known.gaps = [*known.gaps, gap][-8:]
        elif not known.slow:
            known.slow = min(gap, max(10 * every, 600_000))
        else:
            known.slow, known.gaps = 0, [gap]

    def _look(self) -> list[Beat]:
        found: list[Beat] = []
        assert self.newest is not None or not self.servers
        for server, known in list(self.servers.items()):
            limit = 3 * known.interval + known.delay_us // 1000
            if known.awaited and known.opened is None and known.silent() > limit:
                known.opened = known.last + 3 * known.interval
                found.append(told(server, known, Change.OPENED, known.opened))
            age = (self.newest or 0) + self.proven - known.last
            if age >= DAY_MS and (known.opened is not None or not known.awaited):
                if known.opened is not None:
                    found.append(told(server, known, Change.RESOLVED, max(known.last + DAY_MS, known.opened)))
                del self.servers[server]
        return found


def age(time_ms: int, kafka_ms: int) -> int:
    """How old a sample is when it comes: 0 of now, 1 of long ago, 2 of very long ago."""
    return int(kafka_ms - time_ms > 60_000) + int(kafka_ms - time_ms > 600_000)


def told(server: int, known: Known, change: Change, time_ms: int) -> Beat:
    opened = known.opened or 0
    return Beat(server, opened, known.last, (opened - known.last) // 3, change, time_ms)
