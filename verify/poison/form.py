"""One form of poison: a message with a name and what becomes of it; and good messages to spoil.

Rules: a form is the same bytes in every run. `means` is written by hand: `good`, a reason, or None where only
the judge can tell (a flipped bit). Times are of `BASE_MS`, which is the record's time too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verify.poison.contract import PLAYERS, PURCHASES, SERVERS

GOOD = "good"
BASE_MS = 1_795_323_600_000  # 2026-11-22T05:00:00Z
BASE = "2026-11-22T05:00:00Z"
TOPICS = (PLAYERS, PURCHASES, SERVERS)
Header = tuple[str | bytes, str | bytes | None]  # a name as bytes needs the C library

PLAIN: Mapping[str, Mapping[str, str]] = {  # JSON of each field
    PLAYERS: {
        "player_id": '"p1"', "session_id": '"s1"', "event_type": '"move"', "level_id": '"l1"',
        "map_id": '"m1"', "timestamp": f'"{BASE}"',
    },
    PURCHASES: {
        "player_id": '"p1"', "item_id": '"sword"', "price": "4.99", "currency": '"EUR"',
        "purchase_timestamp": f'"{BASE}"', "ip_address": '"192.0.2.7"',
    },
    SERVERS: {
        "server_id": '"server_1"', "cpu_load": "78.5", "memory_usage": "65", "latency": "50.25",
        "timestamp": f'"{BASE}"',
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """One poisonous (or only odd) message.

    Args:
        name: what is odd about it.
        topic: where it goes.
        value: the bytes; None is a tombstone.
        means: what becomes of it; None: ask the judge.
        key: the record's key.
        headers: the record's headers.
        at_ms: the record's own time.

    """

    name: str
    topic: str
    value: bytes | None
    means: str | None
    key: bytes | None = b"poison"
    headers: tuple[Header, ...] = ()
    at_ms: int = BASE_MS


def written(topic: str, changed: Mapping[str, str | None] | None = None, more: str = "") -> str:
    """Write a good message with some fields changed (None: left out), and more text before its end."""
    fields = {**PLAIN[topic], **(changed or {})}
    return (
        "{" + ",".join(f'"{name}":{text}' for name, text in fields.items() if text is not None) + more + "}"
    )


def spoiled(topic: str, changed: Mapping[str, str | None] | None = None, more: str = "") -> bytes:
    """Give the same as UTF-8."""
    return written(topic, changed, more).encode()
