"""Traffic for the archive's three topics, and what its tables must hold, read from the log by itself.

The truth shares no code with decode: plain JSON, one rule a field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from clickhouse_connect.driver.client import Client

from verify.logs import read_back
from verify.troubled import POISON, Sent, troubled

TIMES = {"timestamp", "purchase_timestamp", "sent_at"}
IDS = {
    *("player_id", "session_id", "level_id", "map_id", "event_id", "game_id", "device_id", "item_id"),
    *("transaction_id", "schema_version", "server_id", "fleet_id"),
}
BAD = {"purchase-events": b'{"player_id": "p", "price": "NaN"}', "server-metrics": b"\xff"}
VIEWS = {name: name.replace("-", "_") for name in ("player-events", *BAD)}
START_MS = 1_700_000_000_000
PRICES: tuple[object, ...] = (1, "2.5", "0.0001", "99999999.9999", "1e2", 0.1, "1.50000", 19.99)

Key = tuple[int, int]  # partition, offset
Row = dict[str, Any]


def purchases(seed: int, partitions: int = 4) -> Iterator[Sent]:
    """Give purchases for ever: all ways to write times, prices and ids, fields nobody knows, and bad ones."""
    random = Random(seed)
    while True:
        event = {
            "player_id": random.choice(["p1", 7, "ü"]), "item_id": "sword", "price": random.choice(PRICES),
            "currency": random.choice(["EUR", "USD"]), "purchase_timestamp": _time(random),
            "ip_address": "192.0.2.7",
        } | random.choice([{}, {"gift": {"to": "p2", "wrapped": True}}, {"event_id": "same"}])  # fmt: skip
        yield _sent(random, partitions, event, BAD["purchase-events"])


def samples(seed: int, partitions: int = 4) -> Iterator[Sent]:
    """Give samples of game servers for ever."""
    random = Random(seed)
    while True:
        event = {
            "server_id": f"s{random.randrange(5)}", "cpu_load": random.random() * 100, "memory_usage": 12,
            "latency": random.random() * 1e3, "timestamp": _time(random),
        } | random.choice([{}, {"players": 7, "state": "up"}, {"tick_ms": -0.0, "zone": None}])  # fmt: skip
        yield _sent(random, partitions, event, BAD["server-metrics"])


TRAFFIC = {"player-events": troubled, "purchase-events": purchases, "server-metrics": samples}


def _sent(random: Random, partitions: int, event: dict[str, Any], bad: bytes) -> Sent:
    value = bad if random.random() < 0.02 else json.dumps(event).encode()
    return Sent(random.randrange(partitions), b"key", value)


def _time(random: Random) -> object:
    at = START_MS + random.randrange(10**7)
    moment = datetime.fromtimestamp(at / 1000, UTC)
    zoned = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return random.choice([at, zoned, f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"])


def differing(client: Client, kafka: str) -> dict[tuple[str, Key], Row]:
    """Give what is not as it must be in all three tables: the columns, each as shown and as true."""
    found = {}
    for topic in TRAFFIC:
        shown, true = shown_rows(client, topic), true_rows(kafka, topic)
        for key in shown.keys() | true.keys():
            one, other = shown.get(key, {}), true.get(key, {})
            if one != other:
                names = one.keys() | other.keys()
                found[topic, key] = {
                    of: (one.get(of), other.get(of)) for of in names if one.get(of) != other.get(of)
                }
    return found


def true_rows(kafka: str, topic: str) -> dict[Key, Row]:
    """Read what the topic's table must hold: of each good message its fields as they are meant."""
    bad = {*POISON, *BAD.values()}
    return {
        (of.partition, of.offset): _meant(json.loads(of.value or b""))
        | {"kafka_time": _moment(of.arrived_ms)}
        for of in read_back(kafka, topic)
        if of.value not in bad
    }


def shown_rows(client: Client, topic: str) -> dict[Key, Row]:
    """Read what the topic's view shows, without the columns that are empty."""
    found = client.query(f"SELECT * EXCEPT (log, topic, ingested_at) FROM {VIEWS[topic]}")
    rows: dict[Key, Row] = {}
    for row in found.named_results():
        place = row.pop("partition"), row.pop("offset")
        typed = {name: _aware(value) for name, value in row.items() if value is not None}
        rows[place] = {**typed, "extra": json.loads(row["extra"] or "{}")}
    return rows


def _meant(event: dict[str, Any]) -> Row:
    known = {"game_id": "", **event}
    extra = {name: known.pop(name) for name in ("gift", "zone") if name in known}
    if known.get("level_id") is not None:
        known["map_id"] = known.get("map_id") or ""
    return {name: _value(name, value) for name, value in known.items() if value is not None} | {
        "extra": extra
    }


def _value(name: str, value: Any) -> object:
    if name in TIMES:
        return _moment(value) if isinstance(value, int) else datetime.fromisoformat(value)
    if name == "price":
        return Decimal(str(value)).quantize(Decimal("0.0001"))
    return str(value) if name in IDS else value


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
