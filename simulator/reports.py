"""What servers report about themselves: loads that follow the players on them.

Rules: loads are percent, latency milliseconds, all kept in thousandths, so that sums are exact. After an
outage a server comes up without players. A leak fills its server's memory in 15 minutes and slows it; then it
begins anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from simulator.plan import Bools, Floats, Ints
from simulator.servers import Servers, every_ms

LOADS = ("cpu_load", "memory_usage", "latency")
STATES = ("up", "starting")
STARTING_US = 10_000_000  # after an outage
LEAK_MS = 900_000
LEAKS = 60.0  # percent of memory
FULL = 100.0
MILLI = 1000


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
        self.apart_us = every_ms(servers.plan.rate) * 1000 / servers.count
        self.sent = 0

    def of(self, span: Span) -> pl.DataFrame:
        """Give the reports of a span.

        Columns: server, `LOADS`, players, state (index in `STATES`), happened_us, number.
        """
        start_us = self.servers.plan.start_ms * 1000
        last = int(np.ceil((span.to_us - start_us) / self.apart_us))
        number = np.arange(self.sent, max(last, self.sent))
        self.sent = number.size + self.sent
        at_us = start_us + (number * self.apart_us).astype(np.int64)
        server = number % self.servers.count
        passed = np.clip((at_us - span.from_us) / (span.to_us - span.from_us), 0, 1)
        players = span.players_then[server] * (1 - passed) + span.players_now[server] * passed
        silent, starting = self._outages(server, at_us)
        players = np.where(starting, 0, players).astype(np.int64)
        loads = self._loads(players / self.servers.capacity, self._leaked(server, at_us))
        columns = {"server": server, **loads, "players": players, "state": starting.astype(np.int64)}
        return pl.DataFrame({**columns, "happened_us": at_us, "number": number}).filter(~silent)

    def _loads(self, used: Floats, leaked: Floats) -> dict[str, Ints]:
        noise = self.random.standard_normal((3, used.size))
        crowd = np.clip(used, 0, 1)
        cpu = 8 + 70 * crowd + 4 * noise[0]
        memory = 30 + 30 * crowd + noise[1] + LEAKS * leaked
        latency = 15 + 8 / (1.1 - crowd) + np.exp(2 + 0.7 * noise[2]) + 200 * leaked**4
        loads = (cpu.clip(0.5, FULL), memory.clip(1, FULL), latency)
        return {name: thousandths(load) for name, load in zip(LOADS, loads, strict=True)}

    def _leaked(self, server: Ints, at_us: Ints) -> Floats:
        """Give how much of the leak's memory is lost by then, 0-1."""
        since_ms = at_us // 1000 - self.servers.plan.start_ms
        return np.where(server == self.servers.leaky, since_ms % LEAK_MS / LEAK_MS, 0.0)

    def _outages(self, server: Ints, at_us: Ints) -> tuple[Bools, Bools]:
        """Flag the reports that are not sent, and those of a server that comes up."""
        silent, starting = np.zeros((2, server.size), np.bool_)
        newest_ms = int(at_us[-1]) // 1000 + 1 if at_us.size else 0
        for outage in self.servers.outages(newest_ms):
            its = server == outage.server
            silent |= its & (at_us >= outage.from_ms * 1000) & (at_us < outage.to_ms * 1000)
            starting |= its & (at_us >= outage.to_ms * 1000) & (at_us < outage.to_ms * 1000 + STARTING_US)
        return silent, starting


def thousandths(values: Floats) -> Ints:
    """Count in thousandths."""
    return np.round(values * MILLI).astype(np.int64)
