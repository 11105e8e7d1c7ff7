"""The truth of the tables of server health computed apart: dictionaries, sorted lists, exact fractions.

Rules: as in `verify.oracle`: no code of `windows/` or `models/`. Metrics are whole millionths divided once,
percentiles those of the sorted values themselves; a bucket is found among exact powers of 101/99.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from fractions import Fraction
from typing import Any

from verify.oracle import Event, Judged
from verify.oracle_groups import Key, by

METRICS = ("cpu_load", "memory_usage", "latency")
QUANTILES = {"latency": (50, 95, 99), "tick_ms": (50, 99)}
PERCENTILES = tuple(f"{name}_p{percent}" for name, percents in QUANTILES.items() for percent in percents)
ATTRIBUTES = ("fleet_id", "region")
TABLES = {"server_health_by_fleet": "fleet_id", "server_health_by_region": "region"}
MICRO = 10**6
ZERO = 4096  # the bucket of 0; a value of n millionths is as many above it as (101/99)^k >= n, and one
POWERS = [math.floor(Fraction(101, 99) ** power) for power in range(2100)]


def health(judged: Judged) -> dict[Key, dict[str, object]]:
    """Give `server_health`, by window, game and server."""
    return {
        key: measured(of) | {name: max(str(event.get(name) or "") for event in of) for name in ATTRIBUTES}
        for key, of in by(judged, "game_id", "server_id").items()
    }


def health_by(judged: Judged, column: str) -> dict[Key, dict[str, object]]:
    """Give the table of fleets or regions: of those samples that name one."""
    named = {size: [of for of in events if of.get(column)] for size, events in judged.kept.items()}
    groups = by(Judged(named), "game_id", column)
    return {
        key: {"servers": len({of["server_id"] for of in group})} | measured(group)
        for key, group in groups.items()
    }


def measured(events: list[Event]) -> dict[str, Any]:
    """Give the columns that servers, fleets and regions have in common."""
    row: dict[str, Any] = {"samples": len(events)}
    for name in METRICS:
        millionths = _millionths(events, name)
        row[f"{name}_avg"] = float(Fraction(sum(millionths), len(millionths) * MICRO))
        row[f"{name}_max"] = max(millionths) / MICRO
    for name, percents in QUANTILES.items():
        row |= {f"{name}_p{percent}": _ranked(events, name, percent) for percent in percents}
        buckets = sorted(Counter(bucket(of) for of in _millionths(events, name)).items())
        row |= {
            f"{name}_buckets": [of for of, _ in buckets],
            f"{name}_counts": [count for _, count in buckets],
        }
    players, capacity = _told(events, "players"), _told(events, "capacity")
    return row | {
        "players_avg": float(Fraction(sum(players), len(players))) if players else None,
        "players_max": max(players, default=None),
        "capacity": max(capacity, default=None),
        "disconnects": sum(_told(events, "disconnects")),
    }


def bucket(millionths: int) -> int:
    """Give the bucket of a value."""
    if not millionths:
        return ZERO
    steps = bisect_left(POWERS, abs(millionths)) + 1
    return ZERO + steps if millionths > 0 else ZERO - steps


def _ranked(events: list[Event], name: str, percent: int) -> float | None:
    ordered = sorted(_told(events, name))
    return ordered[percent * (len(ordered) - 1) // 100] if ordered else None


def _told(events: list[Event], name: str) -> list[Any]:
    return [event[name] for event in events if event.get(name) is not None]


def _millionths(events: list[Event], name: str) -> list[int]:
    return [round(value * MICRO) for value in _told(events, name)]
