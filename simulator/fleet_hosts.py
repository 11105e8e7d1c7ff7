"""The servers of a fleet over days: each its size, its rhythm and its habits.

Rules: which server is what follows from its number and the seed. Regions take turns; one server in eight is a
spare with hardly a player; one in three keeps its memory as a heap that is collected now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EVERY_MS = (10_000, 5_000, 10_000, 15_000, 10_000, 30_000)  # between two reports, by the server's number
REGIONS = 3
SPARE, MANAGED = 8, 3  # one server in so many
SIZES = (0.5, 1.0, 2.0)  # small, usual, large


@dataclass(frozen=True, slots=True)
class Host:
    """One server; loads in percent, times in ms.

    `crowd` is the share of its room that is taken at the busiest hour, `gain` the CPU of a full server,
    `heap` what its memory grows by until it is collected (0: it is not), which takes about `heap_ms`.
    """

    server: int
    region: int
    every_ms: int
    crowd: float
    idle_cpu: float
    gain: float
    memory: float
    heap: float
    heap_ms: float
    latency: float
    tick: float
    match_ms: float


def hosts(random: np.random.Generator, count: int) -> list[Host]:
    """Make the servers of a fleet."""
    return [_host(random, server) for server in range(count)]


def _host(random: np.random.Generator, server: int) -> Host:
    size = SIZES[int(random.integers(len(SIZES)))]
    spare, managed = server % SPARE == SPARE - 1, server % MANAGED == 0
    return Host(
        server=server,
        region=server % REGIONS,
        every_ms=EVERY_MS[server // REGIONS % len(EVERY_MS)],
        crowd=0.03 if spare else float(random.uniform(0.5, 0.95)),
        idle_cpu=float(random.uniform(1.5, 6)),
        gain=float(random.uniform(45, 80)) / size**0.3,
        memory=float(random.uniform(22, 48)),
        heap=float(random.uniform(6, 15)) if managed else 0.0,
        heap_ms=float(random.uniform(8, 45)) * 60_000,
        latency=float(random.uniform(18, 55)),
        tick=float(random.uniform(5, 14)) * size**0.2,
        match_ms=float(random.uniform(12, 25)) * 60_000,
    )
