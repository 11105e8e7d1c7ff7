"""What servers report about themselves: loads that follow the players on them.

Rules: loads are kept in thousandths, so that sums are exact. After an outage a server comes up without
players. A leak fills its server's memory in 15 minutes and slows it; then it begins anew. What is slow loses
players' connections.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from simulator.faults import Fault, worsened
from simulator.loads import CPU, FULL, LATENCY, MEMORY, TICK, Loads
from simulator.plan import Bools, Floats, Ints
from simulator.server_faults import server_faults
from simulator.servers import Outage, Servers, every_ms

STATES = ("up", "starting")
STARTING_US = 10_000_000  # after an outage
LEAK_MS = 900_000
LEAKS = 60.0  # percent of memory
MILLI = 1000
LOST, LOST_WHEN_SLOW = 0.0005, 0.01  # of the players on a server lose their connection between two reports
SLOW_MS = 60.0  # a tick or an answer that takes so long


class Span(NamedTuple):
    """A stretch of time, epoch microseconds, and the players on each server at both of its ends."""

    from_us: int
    to_us: int
    players_then: Ints
    players_now: Ints


class Reports:
    """All servers' reports, span by span."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.random = servers.plan.random("servers")
        self.ticks, self.lines = servers.plan.random("ticks"), servers.plan.random("lines")
        self.apart_us = every_ms(servers.plan.rate) * 1000 / servers.count
        self.sent = 0
        self.stuck: dict[Fault, Loads] = {}  # what each flatline that has begun goes on to report

    def of(self, span: Span) -> pl.DataFrame:
        """Give the reports of a span.

        Columns: server, `LOADS`, players, disconnects, state (index in `STATES`), happened_us, number.
        """
        start_us = self.servers.plan.start_ms * 1000
        last = int(np.ceil((span.to_us - start_us) / self.apart_us))
        number = np.arange(self.sent, max(last, self.sent))
        self.sent = number.size + self.sent
        at_us = start_us + (number * self.apart_us).astype(np.int64)
        server = number % self.servers.count
        passed = np.clip((at_us - span.from_us) / (span.to_us - span.from_us), 0, 1)
        players = span.players_then[server] * (1 - passed) + span.players_now[server] * passed
        faults = self._faults(at_us)
        silent, starting = self._outages(server, at_us, faults)
        there: Ints = np.where(starting, 0, players).astype(np.int64)
        loads = self._loads(there / self.servers.capacity, self._leaked(server, at_us))
        for fault in faults:
            self._bear(fault, np.flatnonzero(server == fault.server), at_us // 1000, loads)
        told = {name: thousandths(values) for name, values in loads.items()}
        lost = {"players": there, "disconnects": self._disconnects(there, loads)}
        columns = {"server": server, **told, **lost, "state": starting.astype(np.int64)}
        return pl.DataFrame({**columns, "happened_us": at_us, "number": number}).filter(~silent)

    def _loads(self, used: Floats, leaked: Floats) -> dict[str, Floats]:
        noise = self.random.standard_normal((3, used.size))
        crowd = np.clip(used, 0, 1)
        cpu = 8 + 70 * crowd + 4 * noise[0]
        memory = 30 + 30 * crowd + noise[1] + LEAKS * leaked
        latency = 15 + 8 / (1.1 - crowd) + np.exp(2 + 0.7 * noise[2]) + 200 * leaked**4
        tick = 6 + 12 * crowd + np.exp(0.5 + 0.5 * self.ticks.standard_normal(used.size)) + 40 * leaked**4
        return {CPU: cpu.clip(0.5, FULL), MEMORY: memory.clip(1, FULL), LATENCY: latency, TICK: tick}

    def _disconnects(self, players: Ints, loads: Loads) -> Ints:
        slow = (loads[LATENCY] > SLOW_MS) | (loads[TICK] > SLOW_MS)
        return self.lines.poisson(players * np.where(slow, LOST_WHEN_SLOW, LOST))

    def _faults(self, at_us: Ints) -> list[Fault]:
        if not at_us.size:
            return []
        from_us = int(at_us[0]) - STARTING_US  # who has just been silent comes up
        return server_faults(self.servers, from_us // 1000, int(at_us[-1]) // 1000 + 1)

    def _bear(self, fault: Fault, its: Ints, at_ms: Ints, loads: dict[str, Floats]) -> None:
        """Let a server's reports, at `its` places, tell of its fault."""
        rows = its[fault.during(at_ms[its])]
        if not rows.size:
            return
        if fault.sort == "flatline":
            first = self.stuck.setdefault(fault, {name: loads[name][rows[:1]] for name in fault.touches})
            for name, value in first.items():
                loads[name][rows] = value
            return
        for name in fault.touches:
            loads[name][rows] = worsened(fault, name, loads[name][rows], at_ms[rows])

    def _leaked(self, server: Ints, at_us: Ints) -> Floats:
        """Give how much of the leak's memory is lost by then, 0-1."""
        since_ms = at_us // 1000 - self.servers.plan.start_ms
        return np.where(server == self.servers.leaky, since_ms % LEAK_MS / LEAK_MS, 0.0)

    def _outages(self, server: Ints, at_us: Ints, faults: list[Fault]) -> tuple[Bools, Bools]:
        """Flag the reports that are not sent, and those of a server that comes up."""
        silent, starting = np.zeros((2, server.size), np.bool_)
        newest_ms = int(at_us[-1]) // 1000 + 1 if at_us.size else 0
        silences = [Outage(one.server, one.from_ms, one.to_ms) for one in faults if one.sort == "silence"]
        for outage in (*self.servers.outages(newest_ms), *silences):
            its = server == outage.server
            silent |= its & (at_us >= outage.from_ms * 1000) & (at_us < outage.to_ms * 1000)
            starting |= its & (at_us >= outage.to_ms * 1000) & (at_us < outage.to_ms * 1000 + STARTING_US)
        return silent, starting


def thousandths(values: Floats) -> Ints:
    """Count in thousandths."""
    return np.round(values * MILLI).astype(np.int64)
