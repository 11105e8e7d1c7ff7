"""The truth of `item_sales` computed apart, and how events are grouped for any such truth.

Rules: as in `verify.oracle`: no code of `windows/` or `models/`; money as Decimal.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from verify.oracle import Event, Judged

Key = tuple[Any, ...]


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
