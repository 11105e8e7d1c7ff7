"""What a message means, read from its bytes by plain JSON: its fields as meant, or why it is no event.

Rules: shares no code with `topics/`. It knows the traffic of `verify.troubled` and `verify.hostile`: their
poison is told by its bytes or its key, all other messages are good.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from verify.hostile import POISONED
from verify.logs import Recorded
from verify.oracle import Message
from verify.troubled import POISON

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME = {"player-events": "timestamp", "purchase-events": "purchase_timestamp", "server-metrics": "timestamp"}
TIMES = {*TIME.values(), "sent_at"}
IDS = {
    *("player_id", "session_id", "level_id", "map_id", "event_id", "game_id", "device_id", "item_id"),
    *("transaction_id", "schema_version", "server_id", "fleet_id"),
}
MONEY = {"price"}
PLAIN = {
    *("event_type", "event_index", "region", "country", "quantity", "guild_name", "weapon_type", "currency"),
    *("ip_address", "state", "players", "capacity", "disconnects", "health", "duration_ms", "cpu_load"),
    *("memory_usage", "latency", "tick_ms"),
}
PENNY = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Meant:
    """One message of a log and what it means; `event` is None when `reason` says why it is none."""

    of: Recorded
    reason: str
    event: Mapping[str, Any] | None

    def message(self) -> Message:
        """Give it as the oracle judges it."""
        return Message(self.of.partition, self.of.offset, self.event)


def meant(topic: str, of: Recorded) -> Meant:
    """Read one message."""
    if of.value in POISON:
        return Meant(of, POISON[of.value], None)
    if of.key is not None and of.key.startswith(POISONED):
        return Meant(of, of.key.removeprefix(POISONED).decode(), None)
    return Meant(of, "", event_of(topic, of.value or b""))


def event_of(topic: str, value: bytes) -> dict[str, Any]:
    """Give a good message's fields as meant, `extra` with the unknown ones, and `event_time` in epoch ms."""
    said = json.loads(value, parse_float=Decimal)
    event: dict[str, Any] = {"game_id": ""}
    event |= dict(_fields(said))
    event["extra"] = {name: given for name, given in said.items() if name not in known()}
    if event.get("level_id") is not None:
        event["map_id"] = event.get("map_id") or ""
    event["event_time"] = (event[TIME[topic]] - EPOCH) // timedelta(milliseconds=1)
    return event


def known() -> set[str]:
    """Name all fields that a topic has a column for."""
    return TIMES | IDS | MONEY | PLAIN


def moment(ms: int) -> datetime:
    """Give a time as ClickHouse does."""
    return EPOCH + timedelta(milliseconds=ms)


def _fields(said: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, given in said.items():
        if given is None:
            continue
        if name in TIMES:
            yield name, moment(given) if isinstance(given, int) else _whole_ms(given)
        elif name in IDS:
            yield name, str(given)
        elif name in MONEY:
            yield name, Decimal(str(given)).quantize(PENNY)
        elif name in PLAIN:
            yield name, float(given) if isinstance(given, Decimal) else given


def _whole_ms(text: str) -> datetime:
    at = datetime.fromisoformat(text.upper()).astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
