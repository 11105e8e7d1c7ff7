"""The fixed logs that golden stores are made from: each topic's messages, the same ones for ever.

Rules: mostly events, some seen before, some late, some that are none. Never change a line: stores of earlier
releases have read the first half of them.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np

from topics.topic import Topic
from windows.take import Arrivals

START_MS, STEP_MS = 1_767_225_600_000, 700
SEED, DEAD_EACH, LATE_EACH, AGAIN_EACH = 1, 29, 31, 23


def message(topic: Topic, random: Random, number: int) -> bytes:
    """Make one message: mostly an event, sometimes one seen before, a late one, or none at all."""
    if number % DEAD_EACH == 1:
        return b"no event at all"
    late_ms = 900_000 if number % LATE_EACH == 1 else random.randrange(3_000)
    seen_before = 3 if number % AGAIN_EACH == AGAIN_EACH - 1 else 0
    at_ms = START_MS + number * STEP_MS - late_ms
    event: dict[str, Any] = {
        **({"fraud": number % 2 == 0} if topic.time is None else {topic.time: at_ms}),
        "event_id": f"e{number - seen_before}",
        "game_id": random.choice(["", "g1"]),
        "player_id": f"p{random.randrange(9)}",
        "event_type": random.choice(["move", "level_start", "level_fail", "level_complete", "weapon_use"]),
        "level_id": f"l{random.randrange(3)}",
        "map_id": "m1",
        "session_id": f"s{random.randrange(4)}",
        "weapon_type": random.choice(["axe", "bow"]),
        "guild_name": random.choice(["", "north"]),
        "item_id": f"i{random.randrange(3)}",
        "price": random.choice([0.99, 4.5, 20]),
        "currency": random.choice(["EUR", "USD"]),
        "ip_address": "192.0.2.7",
        "server_id": f"srv{random.randrange(2)}",
        "cpu_load": random.randrange(100) / 4,
        "memory_usage": random.randrange(400) / 4,
        "latency": random.randrange(1, 4_000) / 16,
    }
    return json.dumps(event).encode()


def arrivals(topic: Topic, partition: int, begin: int, end: int) -> Arrivals:
    """Give a stretch of a topic's log, the same one for ever."""
    random = Random(f"{SEED} {topic.name} {partition}")  # noqa: S311  a fixed log
    values = [message(topic, random, number) for number in range(end)][begin:]
    arrived = START_MS + np.arange(begin, end) * STEP_MS
    return Arrivals(values, np.arange(begin, end), arrived, [b"key"] * len(values))
