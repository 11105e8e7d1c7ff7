"""Good messages of the three topics, a few random choices each: the fields as JSON text."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from verify.poison.contract import PLAYERS, PURCHASES

BACK_MS = 1_500  # disorder
TYPES = ("move", "interaction", "level_start", "level_complete", "level_fail", "battle", "session_start")
PRICES = ("4.99", '"0.0001"', "1e2", "12.3456", "0", '"1.50000"', "999999.9999")
HOUR_MS = 3_600_000


def good(random: Random, topic: str, at_ms: int) -> dict[str, str]:
    """Make a good message's fields; `at_ms` is its record's time, the event was a little before."""
    number = random.getrandbits(62)
    time = stamp(at_ms - number % BACK_MS, number >> 20)
    if topic == PLAYERS:
        return {
            "player_id": f'"p{number % 97}"', "event_type": f'"{TYPES[number % 7]}"',
            "level_id": f'"l{number % 11}"', "map_id": f'"m{number % 3}"', "timestamp": time,
            "session_id": f'"s{number % 5}"', "event_id": f'"e{number}"',
        }  # fmt: skip
    if topic == PURCHASES:
        return {
            "player_id": f'"p{number % 89}"', "item_id": f'"i{number % 13}"', "price": PRICES[number % 7],
            "currency": '"EUR"' if number % 2 else '"USD"', "purchase_timestamp": time,
            "ip_address": f'"192.0.2.{number % 255}"', "event_id": f'"e{number}"',
        }  # fmt: skip
    return {
        "server_id": f'"server_{number % 17}"', "cpu_load": f"{number % 1000 / 10}",
        "memory_usage": str(number % 100), "latency": f"{number % 99991 / 1000}", "timestamp": time,
        "event_id": f'"e{number}"', "players": str(number % 64),
    }  # fmt: skip


def stamp(ms: int, way: int) -> str:
    """Write a time in one of three ways."""
    if way % 3 == 0:
        return str(ms)
    offset_h = 2 * (way % 3 - 1)
    text = datetime.fromtimestamp((ms + offset_h * HOUR_MS) // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f'"{text}.{ms % 1000:03d}{f"+{offset_h:02d}:00" if offset_h else "Z"}"'
