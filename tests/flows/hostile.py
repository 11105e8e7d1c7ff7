"""Purchases and server metrics as games really send them: offsets, decimals, duplicates, late, nonsense.

Each message comes with what it means, told by whoever made it up, or None when it means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

from verify.troubled import Sent

START_MS = 1_700_000_000_000
STEP_MS = 120
LATE_MS = 300_000
Event = Mapping[str, Any]
Make = Callable[[Random, int, int], tuple[str, Event | None]]


@dataclass(frozen=True, slots=True)
class Told:
    """A message and what it means."""

    sent: Sent
    means: Event | None


PRICES = {  # as written in JSON -> what it is worth
    "0.99": "0.99", '"4.9900"': "4.99", "1e2": "100", '"1.50000"': "1.5", "12.3456": "12.3456", "-0": "0",
    '"0.0001"': "0.0001", "19": "19", '"1234567.8901"': "1234567.8901", "2.50E-1": "0.25",
}  # fmt: skip
NO_PRICES = (
    '"NaN"', '"Infinity"', '"-Infinity"', "1e999", '"1e999"', "-1", '"-0.0001"', "0.00001", '"1.23456"',
    "null", '"free"', "true", "[1]", '""', "1e400000000", "NaN",
)  # fmt: skip
NO_METRICS = ("null", '"50"', "1e12", "-1e400", "NaN", "true", "{}")
UNKNOWN = ("", ',"coupon":{"code":"X"}', ',"tags":["a",null]', ',"\\u0078":1e5', ',"note":"é \\" } ,"')


def stamp(random: Random, ms: int) -> str:
    """Write a time in one of the ways that clients have."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    way = random.randrange(5)
    if way == 0:
        return str(ms)
    if way == 1:
        return f'"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"'
    if way == 2:
        return f'"{moment:%Y-%m-%d %H:%M:%S}.{ms % 1000:03d}999z"'
    hours = timedelta(hours=random.choice([-11, -3, 2, 5]), minutes=random.choice([0, 30]))
    return f'"{moment.astimezone(timezone(hours)).isoformat(timespec="milliseconds")}"'


def purchase(random: Random, ms: int, number: int) -> tuple[str, Event | None]:
    good = random.random() > 0.06
    price = random.choice(list(PRICES)) if good else random.choice(NO_PRICES)
    event: Event = {
        "player_id": f"p{random.randrange(40)}", "item_id": f"i{random.randrange(6)}",
        "currency": random.choice(["EUR", "USD", "JPY"]), "event_id": f"e{number}", "event_time": ms,
        "game_id": random.choice(["", "g2"]), "price": Decimal(PRICES[price]) if good else None,
    }  # fmt: skip
    text = (
        f'{{"player_id":"{event["player_id"]}","item_id":"{event["item_id"]}","price":{price},'
        f'"currency":"{event["currency"]}","purchase_timestamp":{stamp(random, ms)},"event_id":"e{number}",'
        f'"ip_address":"10.0.0.{number % 250}","game_id":"{event["game_id"]}"{random.choice(UNKNOWN)}}}'
    )
    return text, event if good else None


def metrics(random: Random, ms: int, number: int) -> tuple[str, Event | None]:
    good = random.random() > 0.06
    values = {
        "cpu_load": round(random.uniform(0, 100), random.randrange(7)),
        "memory_usage": random.choice([0.0, 0.1, 63.25, 99.999999]),
        "latency": random.choice([0, 1e-06, round(random.lognormvariate(3, 1), 3), 2.5e3]),
    }
    server = random.choice(["s1", "s2", 7])
    event: Event = {
        "server_id": str(server),
        "game_id": "",
        "event_id": f"e{number}",
        "event_time": ms,
        **values,
    }
    written = {name: json.dumps(value) for name, value in values.items()}
    if not good:
        written[random.choice(list(written))] = random.choice(NO_METRICS)
    fields = ",".join(f'"{name}": {value}' for name, value in written.items())
    text = (
        f'{{"server_id":{json.dumps(server)},{fields},"timestamp":{stamp(random, ms)},"event_id":"e{number}"'
        f"{random.choice(UNKNOWN)}}}"
    )
    return text, event if good else None


def told(
    seed: int, count: int, make: Callable[[Random, int, int], tuple[str, Event | None]]
) -> Iterator[Told]:
    """Give messages spread over four partitions, with duplicates and late ones among them."""
    random = Random(seed)
    recent: list[Told] = []
    for number in range(count):
        if recent and random.random() < 0.05:
            yield random.choice(recent)
            continue
        back_ms = random.randrange(LATE_MS if random.random() < 0.05 else 1_500)
        text, means = make(random, START_MS + number * STEP_MS // 4 - back_ms, number)
        partition = random.randrange(4)
        fresh = Told(Sent(partition, b"k", text.encode()), means)
        recent = [*recent[-100:], fresh]
        yield fresh
