"""What happens to the servers of a fleet over days: restarts, faults, and holes in everybody's reports.

Rules: a fleet is restarted every day or two, one server after the other; a server says that it drains
before. A fault keeps away from restarts and from other faults of its server, and begins no sooner than eight
hours after the start. A leak ends with a crash. In a hole nobody's reports come through: that is no server's
fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from simulator.faults import SORTS, TOUCHES, Fault, Sort
from simulator.fleet_hosts import REGIONS, Host
from simulator.rhythm import DAY_MS

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
RESTARTS_MS = (26 * HOUR_MS, 60 * HOUR_MS)  # from one to the next
NEXT_SERVER_MS = 4 * MINUTE_MS
DRAINS_MS, DARK_MS = 90 * SECOND_MS, (30 * SECOND_MS, 90 * SECOND_MS)
CRASHED_MS = (40 * SECOND_MS, 75 * SECOND_MS)
HOLES_MS, HOLE_MS = 60 * HOUR_MS, (2 * MINUTE_MS, 4 * MINUTE_MS)  # about one in so long; its length
FIRST_FAULT_MS, USUALLY_WELL_MS, WELL_MS = 8 * HOUR_MS, 16 * HOUR_MS, 2 * HOUR_MS
LONG_MS: Mapping[Sort, tuple[int, int]] = MappingProxyType(
    {
        "spike": (90 * SECOND_MS, 6 * MINUTE_MS),
        "step": (2 * HOUR_MS, 5 * HOUR_MS),
        "flatline": (30 * MINUTE_MS, 90 * MINUTE_MS),
        "leak": (90 * MINUTE_MS, 5 * HOUR_MS),
        "silence": (2 * MINUTE_MS, 20 * MINUTE_MS),
    }
)
LEAST_REPORTS = 6  # a fault lasts so many at least


class Restart(NamedTuple):
    """A server drains, is dark, and comes up again; epoch ms. A crash drains for no time."""

    server: int
    drains_ms: int
    dark_ms: int
    up_ms: int


class FleetPlan(NamedTuple):
    """All that happens; holes are spans of epoch ms."""

    restarts: list[Restart]
    faults: list[Fault]
    holes: list[tuple[int, int]]


def fleet_plan(random: np.random.Generator, hosts: list[Host], start_ms: int, days: int) -> FleetPlan:
    """Plan what happens within some days."""
    end_ms = start_ms + days * DAY_MS
    restarts = list(_restarts(random, hosts, start_ms, end_ms))
    faults: list[Fault] = []
    decks = {sort: int(random.integers(len(TOUCHES[sort]))) for sort in SORTS}
    deck: list[Sort] = []
    for host in hosts:
        busy = [(one.drains_ms, one.up_ms) for one in restarts if one.server == host.server]
        at_ms = start_ms + FIRST_FAULT_MS
        while (at_ms := at_ms + int(random.exponential(USUALLY_WELL_MS))) < end_ms:
            deck = deck or [SORTS[place] for place in random.permutation(len(SORTS))]
            fault = _fault(random, host, deck[-1], at_ms, decks)
            if fault.to_ms < end_ms and _free(fault, busy):
                faults.append(fault)
                deck.pop()
                decks[fault.sort] += 1
            at_ms = fault.to_ms + WELL_MS
    restarts += [_crash(random, fault) for fault in faults if fault.sort == "leak"]
    return FleetPlan(
        restarts, sorted(faults, key=lambda one: one.from_ms), list(_holes(random, start_ms, end_ms))
    )


def _restarts(
    random: np.random.Generator, hosts: list[Host], start_ms: int, end_ms: int
) -> Iterator[Restart]:
    for region in range(REGIONS):
        at_ms = start_ms
        while (at_ms := at_ms + int(random.uniform(*RESTARTS_MS))) < end_ms:
            its = [host for host in hosts if host.region == region]
            for number, host in enumerate(its):
                drains_ms = at_ms + number * NEXT_SERVER_MS
                dark_ms = drains_ms + DRAINS_MS
                yield Restart(host.server, drains_ms, dark_ms, dark_ms + int(random.uniform(*DARK_MS)))


def _fault(
    random: np.random.Generator, host: Host, sort: Sort, at_ms: int, turns: Mapping[Sort, int]
) -> Fault:
    long_ms = max(int(random.uniform(*LONG_MS[sort])), LEAST_REPORTS * host.every_ms)
    touches = TOUCHES[sort][turns[sort] % len(TOUCHES[sort])]
    return Fault(sort, host.server, at_ms, at_ms + long_ms, touches, round(float(random.random()), 3))


def _free(fault: Fault, busy: list[tuple[int, int]]) -> bool:
    """Tell whether a server has no restart near a fault."""
    return all(fault.to_ms + HOUR_MS < first or fault.from_ms - HOUR_MS > last for first, last in busy)


def _crash(random: np.random.Generator, fault: Fault) -> Restart:
    dark_ms = fault.to_ms - int(random.uniform(*CRASHED_MS))
    return Restart(fault.server, dark_ms, dark_ms, fault.to_ms)


def _holes(random: np.random.Generator, start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    at_ms = start_ms + 2 * HOUR_MS
    while (at_ms := at_ms + int(random.exponential(HOLES_MS))) < end_ms:
        yield at_ms, at_ms + int(random.uniform(*HOLE_MS))
