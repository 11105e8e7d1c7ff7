"""Small seeded messages of each topic, with what they mean: few names, so that windows meet and fill.

Rules: what a message means is written down when it is made, never read from its bytes; a dead letter means
its reason and field. Times are epoch ms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from verify.oracle import Event

START_MS = 1_700_000_000_000
FUTURE_MS = 300_000  # an event this far beyond its arrival is a dead letter
METRICS = ("cpu_load", "memory_usage", "latency")
OPTIONAL = {
    "fleet_id": ("", "f1", "f2"),
    "region": ("eu", "us"),
    "players": (0, 7, 64),
    "capacity": (64, 100),
    "tick_ms": (0.5, 15.25, 33),
    "disconnects": (0, 1, 5),
}
TYPES = ("move", "interaction", "level_start", "level_complete", "level_fail", "battle", "weapon_use")
PRICES = ("1", "2.5", "0.0001", "99999999.9999", "19.99")


@dataclass(frozen=True, slots=True)
class Meant:
    """One message: where it goes, its bytes, when it arrives; an event, or why and where it is bad."""

    partition: int
    value: bytes | None
    arrived_ms: int
    event: Event | None = None
    reason: str = ""
    path: str = ""


Made = tuple[dict[str, Any], dict[str, Any]]  # the JSON object, what it means beside the names in it


def play(random: Random, time_ms: int) -> Made:
    """Make a player event."""
    kind = random.choice(TYPES)
    event: dict[str, Any] = {"player_id": f"p{random.randrange(4)}", "event_type": kind}
    if kind not in {"battle", "weapon_use"} or random.random() < 0.5:  # noqa: PLR2004  a coin
        event |= {"level_id": random.choice(["l1", "l2"]), "map_id": random.choice(["", "m1"])}
    if random.random() < 0.5:  # noqa: PLR2004  a coin
        event["session_id"] = random.choice(["", "s1", "s2"])
    if kind == "weapon_use":
        event |= {"weapon_type": random.choice(["bow", "axe"]), "guild_name": random.choice(["", "Foxes"])}
    return event | {"timestamp": _written(random, time_ms)}, {}


def purchase(random: Random, time_ms: int) -> Made:
    """Make a purchase."""
    event = {
        "player_id": f"p{random.randrange(4)}",
        "item_id": random.choice(["sword", "cap"]),
        "price": random.choice(PRICES),
        "currency": random.choice(["EUR", "EUR", "USD"]),
        "ip_address": "192.0.2.7",
        "purchase_timestamp": _written(random, time_ms),
    }
    return event, {}


def sample(random: Random, time_ms: int) -> Made:
    """Make a server's sample."""
    event: dict[str, Any] = {"server_id": random.choice(["s1", "s2"]), "timestamp": _written(random, time_ms)}
    event |= {name: random.choice(values) for name, values in OPTIONAL.items() if random.random() < 0.5}  # noqa: PLR2004
    return event | {name: round(random.uniform(0, 200), 3) for name in METRICS}, {}


def _written(random: Random, time_ms: int) -> object:
    if random.random() < 0.7:  # noqa: PLR2004  the rest are texts
        return time_ms
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")


MAKERS: Mapping[str, Callable[[Random, int], Made]] = {
    "player-events": play,
    "purchase-events": purchase,
    "server-metrics": sample,
}
TIMES = {"player-events": "timestamp", "purchase-events": "purchase_timestamp", "server-metrics": "timestamp"}
POISON: tuple[tuple[bytes | None, str, str], ...] = (
    (None, "tombstone", ""),
    (b'{"not": "good"', "not_json", ""),
    (b"[1, 2]", "not_object", ""),
    (b"\xff\xfe", "not_utf8", ""),
)


def good(topic: str, random: Random, time_ms: int, event_id: str | None) -> tuple[bytes, Event]:
    """Make an event; gives its bytes and its meaning."""
    event, extra = MAKERS[topic](random, time_ms)
    if event_id is not None:
        event["event_id"] = event_id
    if random.random() < 0.2:  # noqa: PLR2004  another game
        event["game_id"] = "g2"
    return json.dumps(event).encode(), {**event, **extra, "event_time": time_ms}


def poison(topic: str, random: Random, arrived_ms: int) -> tuple[bytes | None, str, str]:
    """Make a bad message; gives its bytes, why it is bad and which field is."""
    name = TIMES[topic]
    if random.random() < 0.6:  # noqa: PLR2004  the rest are bad events
        return random.choice(POISON)
    event, _ = MAKERS[topic](random, arrived_ms)
    bad = random.choice(["time_future", "time_too_old", "time_invalid", "field_missing"])
    if bad == "time_future":
        event[name] = arrived_ms + FUTURE_MS + 1 + random.randrange(10**9)
    elif bad == "time_too_old":
        event[name] = -1
    elif bad == "time_invalid":
        event[name] = "yesterday"
    else:
        del event[name]
    return json.dumps(event).encode(), bad, name
