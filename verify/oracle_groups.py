"""The truth of `item_sales` and `server_health` computed apart: group in dictionaries, add exact numbers.

Rules: as in `verify.oracle`: no code of `windows/` or `models/`; money as Decimal, metrics as whole
millionths divided once, percentiles by sorting.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from typing import Any

from verify.oracle import Event, Judged

Key = tuple[Any, ...]
METRICS = ("cpu_load", "memory_usage", "latency")
QUANTILES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}
MICRO = 10**6


def by(judged: Judged, *names: str) -> dict[Key, list[Event]]:
    """Group the events that count by window (size in seconds, start in epoch ms) and names."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for size, events in judged.kept.items():
        for event in events:
            start = event["event_time"] // (size * 1000) * size * 1000
            groups[size, start, *(event[name] for name in names)].append(event)
    return groups


def sales(judged: Judged) -> dict[Key, dict[str, object]]:
    """Give `item_sales`, by window, game, item and currency."""
    return {
        key: {
            "purchases": len(of),
            "revenue": sum(event["price"] for event in of),
            "buyers": len({event["player_id"] for event in of}),
        }
        for key, of in by(judged, "game_id", "item_id", "currency").items()
    }


def health(judged: Judged) -> dict[Key, dict[str, object]]:
    """Give `server_health`, by window, game and server; percentiles are those of the values themselves."""
    return {key: _measured(of) for key, of in by(judged, "game_id", "server_id").items()}


def _measured(events: list[Event]) -> dict[str, object]:
    row: dict[str, object] = {"samples": len(events)}
    for name in METRICS:
        millionths = [round(event[name] * MICRO) for event in events]
        row[f"{name}_avg"] = float(Fraction(sum(millionths), len(events) * MICRO))
        row[f"{name}_max"] = max(millionths) / MICRO
    ordered = sorted(event["latency"] for event in events)
    ranks = {name: math.floor(q * (len(ordered) - 1)) for name, q in QUANTILES.items()}
    return row | {name: ordered[rank] for name, rank in ranks.items()}
