"""Faults of a server, and what each does to the loads that it reports.

Rules: a fault says how much it adds, so that nobody has to guess how hard it is to see: percent to processor
and memory, a multiple of latency and tick. `harm`, 0-1, places it between the least and the most of its sort.
A silence sends nothing. Whether a server is well again follows from the end alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from simulator.loads import CPU, FULL, LATENCY, LOADS, MEMORY, TICK
from simulator.plan import Floats, Ints

Sort: TypeAlias = Literal["spike", "step", "flatline", "leak", "silence"]
SORTS: tuple[Sort, ...] = ("spike", "step", "flatline", "leak", "silence")
ADDED, TIMES = (CPU, MEMORY), (LATENCY, TICK)
Amounts: TypeAlias = Mapping[str, tuple[float, float]]
# By the least harm and by the most. A spike is an overload of minutes, a step a bad release.
AMOUNTS: Mapping[Sort, Amounts] = MappingProxyType(
    {
        "spike": {CPU: (10.0, 35.0), LATENCY: (1.6, 4.0), TICK: (1.4, 3.0)},
        "step": {CPU: (8.0, 25.0), MEMORY: (8.0, 20.0), LATENCY: (1.4, 2.5), TICK: (1.3, 2.5)},
        "flatline": {},
        "leak": {MEMORY: (15.0, 40.0)},
        "silence": {},
    }
)
TOUCHES: Mapping[Sort, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "spike": ((CPU, LATENCY, TICK), (LATENCY,), (CPU,), (TICK, LATENCY)),
        "step": ((CPU, LATENCY), (LATENCY,), (MEMORY,), (TICK, CPU)),
        "flatline": ((CPU,), (LATENCY,), (TICK,), LOADS),
        "leak": ((MEMORY,),),
        "silence": ((),),
    }
)
EDGE = 0.1  # of a spike's length until it is at its height, and from there until it is over


class Fault(NamedTuple):
    """What befalls one server from and up to a time (epoch ms), and which loads it touches."""

    sort: Sort
    server: int
    from_ms: int
    to_ms: int
    touches: tuple[str, ...]
    harm: float

    @property
    def adds(self) -> Mapping[str, float]:
        """Give what it adds at its height: percent, or a multiple."""
        amounts = AMOUNTS[self.sort]
        found = {name: amounts[name] for name in self.touches if name in amounts}
        return {name: round(least + (most - least) * self.harm, 2) for name, (least, most) in found.items()}

    def during(self, at_ms: Ints) -> Ints:
        """Give the places of the times at which it lasts."""
        return np.flatnonzero((at_ms >= self.from_ms) & (at_ms < self.to_ms))

    def height(self, at_ms: Ints) -> Floats:
        """Give how much of it there is at times at which it lasts, 0-1."""
        passed = (at_ms - self.from_ms) / (self.to_ms - self.from_ms)
        if self.sort == "leak":
            return passed
        edges: Floats = np.minimum(passed, 1 - passed) / EDGE
        return edges.clip(max=1.0) if self.sort == "spike" else np.ones_like(passed)


def worsened(fault: Fault, name: str, values: Floats, at_ms: Ints) -> Floats:
    """Give what a touched load becomes at times at which the fault lasts."""
    if fault.sort == "flatline":
        return np.full_like(values, values[0])
    added, height = fault.adds[name], fault.height(at_ms)
    worse = values + added * height if name in ADDED else values * (1 + (added - 1) * height)
    return worse.clip(max=FULL) if name in ADDED else worse
