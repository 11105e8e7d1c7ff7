"""Purchases and server metrics as games really send them: offsets, decimals, duplicates, late, nonsense.

Rules: the same arguments give the same bytes, without end. What a message means can be told from its bytes
alone: the key of one that is no event says why (`POISONED` + reason), all others are good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from random import Random

from verify.troubled import Sent, Shares

START_MS = 1_700_000_000_000
STEP_MS = 120  # event time between two messages of one partition, on average
DISORDER_MS = 1_500
LATE_MS = 300_000  # how old a late event may be
POISONED = b"poison:"  # + reason
BAD = 0.06  # share of messages with a bad value
PRICES = (
    "0.99", '"4.9900"', "1e2", '"1.50000"', "12.3456", "-0", '"0.0001"', "19", '"1234567.8901"', "2.50E-1",
)  # fmt: skip
NO_PRICES = {  # as written in JSON -> why it is none
    '"NaN"': "field_range", '"Infinity"': "field_range", '"-Infinity"': "field_range",
    "1e999": "field_range", '"1e999"': "field_range", "1e400000000": "field_range",
    "-1": "field_range", '"-0.0001"': "field_range", "0.00001": "field_range", '"1.23456"': "field_range",
    "null": "field_missing", '"free"': "field_type", "true": "field_type", "[1]": "field_type",
    '""': "field_type", "NaN": "not_json",
}  # fmt: skip
NO_METRICS = {
    "null": "field_missing", '"50"': "field_type", "1e12": "field_range", "-1e400": "field_range",
    "NaN": "not_json", "true": "field_type", "{}": "field_type",
}  # fmt: skip
OPTIONAL = {  # what a sample of a server may tell, as written in JSON
    "fleet_id": ('"f1"', '"f2"', "3", '""', "null"),
    "region": ('"eu"', '"\\u00e9u"', '""'),
    "players": ("0", "64", "9007199254740993", "-1"),
    "capacity": ("100", "null", "9223372036854775807"),
    "tick_ms": ("0", "15.5", "1e-06", "-0.25", "33"),
    "disconnects": ("0", "2", "null"),
}
TOLD = 0.7  # share of samples that tell one of them
UNKNOWN = ("", ',"coupon":{"code":"X"}', ',"tags":["a",null]', ',"\\u0078":1e5', ',"note":"é \\" } ,"')
Made = tuple[str, str]  # a message's text and why it is no event, or ""
Make = Callable[[Random, int, int], Made]


def stamp(random: Random, ms: int) -> str:
    """Write a time in one of the ways that clients have."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    way = random.randrange(5)
    if way == 0:
        return str(ms)
    if way == 1:
        return f'"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"'
    if way == 2:  # noqa: PLR2004
        return f'"{moment:%Y-%m-%d %H:%M:%S}.{ms % 1000:03d}999z"'
    hours = timedelta(hours=random.choice([-11, -3, 2, 5]), minutes=random.choice([0, 30]))
    return f'"{moment.astimezone(timezone(hours)).isoformat(timespec="milliseconds")}"'


def purchase(random: Random, ms: int, number: int) -> Made:
    """Make one purchase."""
    price = random.choice(PRICES) if random.random() > BAD else random.choice(list(NO_PRICES))
    text = (
        f'{{"player_id":"p{random.randrange(40)}","item_id":"i{random.randrange(6)}","price":{price},'
        f'"currency":"{random.choice(["EUR", "USD", "JPY"])}","purchase_timestamp":{stamp(random, ms)},'
        f'"event_id":"e{number}","ip_address":"10.0.0.{number % 250}",'
        f'"game_id":"{random.choice(["", "g2"])}"{random.choice(UNKNOWN)}}}'
    )
    return text, NO_PRICES.get(price, "")


def metrics(random: Random, ms: int, number: int) -> Made:
    """Make one sample of a server."""
    written = {
        "cpu_load": json.dumps(round(random.uniform(0, 100), random.randrange(7))),
        "memory_usage": json.dumps(random.choice([0.0, 0.1, 63.25, 99.999999])),
        "latency": json.dumps(random.choice([0, 1e-06, round(random.lognormvariate(3, 1), 3), 2.5e3])),
    }
    why = ""
    if random.random() < BAD:
        spoiled, why = random.choice(list(NO_METRICS.items()))
        written[random.choice(list(written))] = spoiled
    written |= {name: random.choice(values) for name, values in OPTIONAL.items() if random.random() < TOLD}
    fields = ",".join(f'"{name}": {value}' for name, value in written.items())
    text = (
        f'{{"server_id":{json.dumps(random.choice(["s1", "s2", 7]))},{fields},'
        f'"timestamp":{stamp(random, ms)},"event_id":"e{number}"{random.choice(UNKNOWN)}}}'
    )
    return text, why


MAKERS: Mapping[str, Make] = {"purchase-events": purchase, "server-metrics": metrics}


def hostile(seed: int, make: Make, partitions: int = 4, shares: Shares | None = None) -> Iterator[Sent]:
    """Give messages for ever, spread over the partitions, with duplicates and late ones among them."""
    random, of = Random(seed), shares or Shares()  # noqa: S311  a game, not a secret
    recent: list[Sent] = []
    for number in count():
        if recent and random.random() < of.duplicates:
            yield random.choice(recent)
            continue
        back_ms = random.randrange(LATE_MS if random.random() < of.late else DISORDER_MS)
        text, why = make(random, START_MS + number * STEP_MS // partitions - back_ms, number)
        key = POISONED + why.encode() if why else b"k"
        sent = Sent(random.randrange(partitions), key, text.encode())
        recent = [*recent[-100:], sent]
        yield sent
