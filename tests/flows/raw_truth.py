"""Traffic for the archive's three topics, and what its tables must hold, read from the log by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

from clickhouse_connect.driver.client import Client

from verify.hostile import POISONED
from verify.logs import read_back
from verify.meaning import meant
from verify.sheets import Compared, Sheet, compare
from verify.shown_sheets import shown_sheet
from verify.troubled import Sent, troubled
from verify.true_sheets import RAW, raw_rows

BAD = {"purchase-events": b'{"player_id": "p", "price": "NaN"}', "server-metrics": b"\xff"}
START_MS = 1_700_000_000_000
PRICES: tuple[object, ...] = (1, "2.5", "0.0001", "99999999.9999", "1e2", 0.1, "1.50000", 19.99)


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
    if random.random() < 0.02:
        return Sent(random.randrange(partitions), POISONED + b"bad", bad)
    return Sent(random.randrange(partitions), b"key", json.dumps(event).encode())


def _time(random: Random) -> object:
    at = START_MS + random.randrange(10**7)
    moment = datetime.fromtimestamp(at / 1000, UTC)
    zoned = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return random.choice([at, zoned, f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"])


def compared(client: Client, kafka: str) -> list[Compared]:
    """Compare all three raw tables with the topics."""
    return [compare(view, shown_sheet(client, view), true_rows(kafka, topic)) for topic, view in RAW.items()]


def true_rows(kafka: str, topic: str) -> Sheet:
    """Read what the topic's table must hold: of each good message its fields as they are meant."""
    return raw_rows([meant(topic, of) for of in read_back(kafka, topic)])
