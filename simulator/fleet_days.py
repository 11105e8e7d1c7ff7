"""Days of a fleet's metrics in a moment, in columns, with faults whose server, time and size are known.

Rules: the same seed, days and servers give the same samples. They are in the order in which they come: a few
are lost, a few come late. Samples of a server that says it drains are marked as leaving.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simulator.faults import Fault, worsened
from simulator.fleet_hosts import Host, hosts
from simulator.fleet_plan import FleetPlan, Restart, fleet_plan
from simulator.fleet_series import hours, rounded, usual
from simulator.fleet_weather import Weather
from simulator.plan import Bools, Floats, Ints

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
LOST, TWO_LOST = 0.002, 0.0001  # shares of samples that are lost alone, and with the next one
DELAYED, DELAYED_BY = 0.005, (0.5, 4.0)  # share of samples; in intervals
USUAL_DELAY_MS = 120
BEFORE_MS = 3_600_000  # a fault's size is told in spreads of the hour before it


class Samples(NamedTuple):
    """Samples in order of arrival: `loads` has a column for each of `LOADS`; times are epoch ms."""

    server: Ints
    time_ms: Ints
    arrived_ms: Ints
    loads: Floats
    leaving: Bools

    def of(self, rows: Ints | slice) -> Samples:
        """Take some of them."""
        return Samples(
            self.server[rows],
            self.time_ms[rows],
            self.arrived_ms[rows],
            self.loads[rows],
            self.leaving[rows],
        )


class Planted(NamedTuple):
    """A fault, and its size: spreads of the metric that shows it best; 0 where nothing is added."""

    fault: Fault
    size: float


class Lived(NamedTuple):
    """One server's days: its samples, and what was planted among them."""

    samples: Samples
    planted: list[Planted]


class FleetDays:
    """A fleet's days: what is planned, and what comes of it, server by server."""

    def __init__(self, seed: int, days: int, servers: int) -> None:
        self.seed, self.days = seed, days
        random = np.random.default_rng([seed, *b"fleet"])
        self.hosts: list[Host] = hosts(random, servers)
        self.weather = Weather(random, START_MS, days)
        self.plan: FleetPlan = fleet_plan(random, self.hosts, START_MS, days)

    def each(self) -> Iterator[Lived]:
        """Let one server after the other live its days."""
        yield from map(self.lived, self.hosts)

    def lived(self, host: Host) -> Lived:
        """Let one server live its days."""
        random = np.random.default_rng([self.seed, host.server, *b"host"])
        faults = [one for one in self.plan.faults if one.server == host.server]
        restarts = [one for one in self.plan.restarts if one.server == host.server]
        dark = restarts + [_silence(one) for one in faults if one.sort == "silence"]
        lived = hours(random, host, self.weather, dark)
        loads = usual(random, host, lived)
        planted = [Planted(fault, _bear(fault, lived.at_ms, loads)) for fault in faults]
        samples = _sent(random, host, lived.at_ms, rounded(loads), restarts)
        luck = random.random(samples.time_ms.size)
        there = (luck >= LOST) & (np.roll(luck, 1) >= TWO_LOST)
        for first, last in [(one.dark_ms, one.up_ms) for one in dark] + self.plan.holes:
            there &= (samples.time_ms < first) | (samples.time_ms >= last)
        return Lived(samples.of(np.flatnonzero(there)), planted)


def together(parts: list[Samples]) -> Samples:
    """Put samples of all servers in order of arrival."""
    whole = Samples(*map(np.concatenate, zip(*parts, strict=True)))
    return whole.of(np.argsort(whole.arrived_ms, kind="stable"))


def _silence(fault: Fault) -> Restart:
    return Restart(fault.server, fault.from_ms, fault.from_ms, fault.to_ms)


def _bear(fault: Fault, at_ms: Ints, loads: dict[str, Floats]) -> float:
    """Let loads tell of a fault; gives its size."""
    rows, before = (
        fault.during(at_ms),
        np.flatnonzero((at_ms >= fault.from_ms - BEFORE_MS) & (at_ms < fault.from_ms)),
    )
    size = 0.0
    for name in fault.touches:
        well = loads[name][rows]
        loads[name][rows] = worsened(fault, name, well, at_ms[rows])
        if fault.sort != "flatline":
            spread = max(float(loads[name][before].std()), 0.1)
            size = max(size, float(np.median(loads[name][rows] - well)) / spread)
    return size


def _sent(
    random: np.random.Generator, host: Host, at_ms: Ints, loads: Floats, restarts: list[Restart]
) -> Samples:
    """Send samples on their way."""
    count = at_ms.size
    wait_ms = random.exponential(USUAL_DELAY_MS, count)
    held = random.random(count) < DELAYED
    wait_ms += np.where(held, random.uniform(*DELAYED_BY, count) * host.every_ms, 0.0)
    leaving = np.zeros(count, np.bool_)
    for one in restarts:
        leaving |= (at_ms >= one.drains_ms) & (at_ms < one.dark_ms)
    return Samples(np.full(count, host.server), at_ms, at_ms + wait_ms.astype(np.int64), loads, leaving)
