"""What one server of a fleet reports over days: loads that follow its players, with all that is usual.

Rules: usual are noise with a memory, matches that fill and end, collections of a heap that stop the server
for a moment, rare slow answers, and restarts: players leave, come back over minutes, and caches are cold.
Loads are rounded as agents round them. None of it is a fault.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulator.fleet_hosts import Host
from simulator.fleet_plan import Restart
from simulator.fleet_weather import Weather, chance
from simulator.loads import CPU, FULL, LATENCY, MEMORY, TICK
from simulator.plan import Bools, Floats, Ints

RETURN_MS, WARM_MS, COLD_MS = 240_000, 600_000, 40_000  # players return, memory fills, caches are cold
MATCHES, MOOD, MOOD_MS = 0.08, 0.05, 1_200_000
SLOW_ANSWERS, SLOW_TAIL = 0.008, 2.5
LONG_TICKS, LONG_TICK_MS = 0.004, (5.0, 40.0)
PAUSE_MS = (25.0, 120.0)  # of a collection
MUCH = 1.15


class Hours(NamedTuple):
    """A server's times (epoch ms), how full it is (share of its room), and how long ago it came up (ms)."""

    at_ms: Ints
    load: Floats
    up_ms: Floats


def hours(random: np.random.Generator, host: Host, weather: Weather, restarts: list[Restart]) -> Hours:
    """Fill a server with players."""
    at_ms = times(random, host, weather)
    match = at_ms % host.match_ms / host.match_ms
    mood = MOOD * chance(random, at_ms.size, host.every_ms / MOOD_MS)
    share = weather.share(host.region, at_ms) * (1 + MATCHES * (match - 0.5)) * (1 + mood)
    there, up_ms = occupied(at_ms, restarts)
    return Hours(at_ms, (host.crowd * share * there).clip(0, MUCH - 0.05), up_ms)


def times(random: np.random.Generator, host: Host, weather: Weather) -> Ints:
    """Give when it reports: by its rhythm, which is never quite even."""
    first, last = int(weather.minutes[0]), int(weather.minutes[-1]) - 59 * 60_000
    even = np.arange(first + int(random.integers(host.every_ms)), last, host.every_ms)
    return even + (host.every_ms * 0.02 * random.standard_normal(even.size).clip(-4, 4)).astype(np.int64)


def occupied(at_ms: Ints, restarts: list[Restart]) -> tuple[Floats, Floats]:
    """Give the share of its usual players, and for how long it has been up."""
    there, up_ms = np.ones(at_ms.size), np.full(at_ms.size, np.inf)
    for one in sorted(restarts):
        leaving = (at_ms >= one.drains_ms) & (at_ms < one.dark_ms)
        there[leaving] *= (one.dark_ms - at_ms[leaving]) / (one.dark_ms - one.drains_ms)
        back = at_ms >= one.up_ms
        up_ms[back] = at_ms[back] - one.up_ms
        there[back] *= 1 - np.exp(-(at_ms[back] - one.up_ms) / RETURN_MS)
    return there, up_ms


def usual(random: np.random.Generator, host: Host, lived: Hours) -> dict[str, Floats]:
    """Give the loads of a server that is well, as they are before they are rounded."""
    count, load = lived.at_ms.size, lived.load
    memory, collected = _memory(random, host, lived)
    cold = np.exp(-lived.up_ms / COLD_MS)
    pause = np.where(collected, random.uniform(*PAUSE_MS, count), 0.0)
    busy = host.gain * load
    cpu = host.idle_cpu + busy + (0.6 + 0.07 * busy) * chance(random, count, host.every_ms / 30_000)
    cpu += (0.4 + 0.04 * busy) * random.standard_normal(count) + 15 * cold
    mood = 0.12 * chance(random, count, host.every_ms / 45_000) + 0.10 * random.standard_normal(count)
    latency = host.latency * (1 + 0.25 * load / (MUCH - load)) * np.exp(mood) * (1 + 0.6 * cold)
    slow = random.random(count) < SLOW_ANSWERS
    latency += np.where(slow, host.latency * random.pareto(SLOW_TAIL, count), 0.0) + pause
    mood = 0.08 * chance(random, count, host.every_ms / 30_000) + 0.08 * random.standard_normal(count)
    tick = host.tick * (1 + 1.2 * load) * np.exp(mood)
    tick += np.where(random.random(count) < LONG_TICKS, random.uniform(*LONG_TICK_MS, count), 0.0)
    return {CPU: cpu, MEMORY: memory, LATENCY: latency, TICK: tick + pause / 2}


def _memory(random: np.random.Generator, host: Host, lived: Hours) -> tuple[Floats, Bools]:
    """Give memory, and at which reports a heap has just been collected."""
    count = lived.at_ms.size
    filled = 0.75 + 0.25 * (1 - np.exp(-lived.up_ms / WARM_MS))
    if not host.heap:
        kept = 5 * lived.load + 0.5 * lived.load * chance(random, count, host.every_ms / 600_000)
        return (host.memory + kept) * filled, np.zeros(count, np.bool_)
    turns = np.cumsum(host.every_ms / host.heap_ms * (0.5 + lived.load)) + random.random()
    collected = np.diff(np.floor(turns), prepend=0.0) > 0
    noise = 0.3 * chance(random, count, host.every_ms / 120_000)
    return (host.memory + host.heap * (turns % 1) + noise) * filled, collected


def rounded(loads: dict[str, Floats]) -> Floats:
    """Round loads as agents do; a column for each."""
    tenths = [loads[name].clip(0.1, FULL).round(1) for name in (CPU, MEMORY)]
    hundredths = [loads[name].clip(min=0.1).round(2) for name in (LATENCY, TICK)]
    return np.column_stack([*tenths, *hundredths])
