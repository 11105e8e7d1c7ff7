"""Batches of messages of any topic, plain and odd, and the definition that decoding is held against."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from tests.topics.json_values import AMOUNTS, ESCAPED, FITTING, IDS, NUMBERS, STAMPS, WEIRD
from topics.decode import Decoded, Ints, decode, schema_of
from topics.fields import Fields, Kind, fields_of
from topics.registry import TOPICS
from topics.rejects import Fault, Reject
from topics.strict import Cell, decode_one
from topics.topic import Topic

ARRIVED_MS = 1_795_323_600_000  # 2026-11-22T05:00:00Z
EVENTS = {name: topic for name, topic in TOPICS.items() if topic.event is not None}
Event = list[tuple[str, str]]  # fields with their JSON


def fields(topic: Topic) -> Fields:
    assert topic.event is not None
    return fields_of(topic.event)


def strictly(topic: Topic, values: Sequence[bytes | None], arrived_ms: Ints) -> Decoded:
    """Decode each message by the definition."""
    rows: list[int] = []
    events: list[list[Cell]] = []
    rejects: list[Reject] = []
    for row, value in enumerate(values):
        event = decode_one(fields(topic), topic.time, value, int(arrived_ms[row]))
        if isinstance(event, Fault):
            rejects.append(Reject(row, event.reason, event.path, event.error))
        else:
            rows.append(row)
            events.append(event if topic.time is not None else [*event, int(arrived_ms[row])])
    frame = pl.DataFrame(events, schema=schema_of(topic), orient="row")
    return Decoded(np.array(rows, np.int64), frame, rejects)


def assert_same(topic: Topic, values: Sequence[bytes | None], arrived_ms: Ints | None = None) -> None:
    """Decode a batch in both ways."""
    arrived_ms = np.full(len(values), ARRIVED_MS) if arrived_ms is None else arrived_ms
    got, expected = decode(topic, values, arrived_ms), strictly(topic, values, arrived_ms)
    assert got.rows.tolist() == expected.rows.tolist()
    assert got.rejects == expected.rejects
    assert_frame_equal(got.frame, expected.frame, check_exact=True)
    got.frame.write_ndjson()  # every text can be encoded


KINDS = ["move", "interaction", "level_up", "session_start", "x", ""]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def player_event(rng: random.Random) -> Event:
    return [
        ("player_id", quoted(f"player-{rng.randrange(100)}")),
        ("session_id", quoted(f"s{rng.randrange(1000)}")),
        ("event_type", quoted(rng.choice(KINDS[:4]))),
        ("level_id", quoted(f"level_{rng.randrange(9)}")),
        ("map_id", quoted(rng.choice(["m1", "m2", ""]))),
        ("timestamp", rng.choice(STAMPS[:2])),
    ]


def purchase(rng: random.Random) -> Event:
    return [
        ("player_id", quoted(f"player-{rng.randrange(100)}")),
        ("item_id", quoted(f"skin_{rng.randrange(9)}")),
        ("price", rng.choice(AMOUNTS[:7])),
        ("currency", quoted(rng.choice(["USD", "EUR"]))),
        ("purchase_timestamp", rng.choice(STAMPS[:2])),
        ("ip_address", quoted("192.168.1.100")),
    ]


def server_sample(rng: random.Random) -> Event:
    return [
        ("server_id", quoted(f"server_{rng.randrange(9)}")),
        ("cpu_load", json.dumps(rng.choice([78, rng.random() * 100, 1e-9, 5e-324, -0.0]))),
        ("memory_usage", json.dumps(round(rng.random() * 100, 2))),
        ("latency", str(rng.randrange(500))),
        ("timestamp", rng.choice(STAMPS[:2])),
        ("players", str(rng.randrange(-1, 100))),
    ]


def any_event(topic: Topic) -> Callable[[random.Random], Event]:
    """Make the required fields of a topic of which no other example is here."""

    def event(rng: random.Random) -> Event:
        required = [field for field in fields(topic).all if field.required]
        return [(field.name, rng.choice(FITTING[field.kind][:2])) for field in required]

    return event


USUAL = {"player-events": player_event, "purchase-events": purchase, "server-metrics": server_sample}


def usual(topic: Topic, rng: random.Random) -> Event:
    """Make the fields of a plain event."""
    return USUAL.get(topic.name, any_event(topic))(rng)


def token(topic: Topic, rng: random.Random, name: str) -> str:
    """Choose any JSON (or nearly JSON) value, often one that fits the field."""
    at = fields(topic).at.get(name)
    fitting = None if at is None else fields(topic).all[at].kind
    if (
        fitting in {Kind.WHOLE, Kind.NUMBER, Kind.MONEY, Kind.TIME, Kind.FLAG, Kind.ANY}
        and rng.random() < 0.8
    ):
        return rng.choice(FITTING[fitting])
    if name == "event_type" and rng.random() < 0.8:
        return quoted(rng.choice(KINDS))
    any_value = rng.choice([[quoted(rng.choice(IDS))]] * 9 + [NUMBERS] * 2 + [WEIRD, ESCAPED])
    return rng.choice(any_value)


def altered(topic: Topic, rng: random.Random, event: Event) -> Event:
    """Change a few fields: another value, twice, gone, unknown, reordered, an escaped key."""
    names = list(fields(topic).at)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        name = rng.choice(names + names[:6] + ["unknown", names[0][:-1], "x" + names[0]])
        at = rng.randrange(len(event) + 1)
        choice = rng.random()
        if choice < 0.4 and event:
            at = rng.randrange(len(event))
            event[at] = (event[at][0], token(topic, rng, event[at][0]))
        elif choice < 0.85:
            event.insert(at, (name, token(topic, rng, name)))
        elif choice < 0.93 and event:
            del event[rng.randrange(len(event))]
        elif choice < 0.96:
            rng.shuffle(event)
        else:
            event.insert(at, (f"\\u{ord(name[0]):04x}{name[1:]}", token(topic, rng, name)))
    return event


def spelled(rng: random.Random, event: Event) -> bytes:
    """Write the fields with one of many spacings, now and then with a byte changed."""
    comma, colon, first, last = rng.choice(
        [(",", ":", "", "")] * 6
        + [(", ", ": ", "", "")] * 6
        + [
            (" , ", " : ", " ", " "),
            (",\n", ": ", "\n", "\n"),
            (",\r\n", ":\t", "", ""),
            (",", ":  ", "", ""),
        ]
        + [(",", '":"', "", ""), (",,", ":", "", ""), (",", ":", "{", "}"), (",", ":", "", ",")]
    )
    text = "{" + first + comma.join(f'"{name}"{colon}{value}' for name, value in event) + last + "}"
    message = rng.choice(["", "", "", "", " ", "\ufeff", "[", "1"]) * (rng.random() < 0.1) + text
    value = message.encode() + rng.choice(
        [b" ", b"\n", b"x", b"{}", b"\n{}", b"\n\n", value_twice(message)]
    ) * (rng.random() < 0.04)
    if rng.random() < 0.1:
        at = rng.randrange(len(value))
        value = (
            value[:at]
            + rng.choice(
                [b"", b'"', b":", b"{", b"}", b",", b" ", b"\n", b"\\", b"\xff", b"\x00", b"1", b"null"]
            )
            + value[at + rng.randrange(2) :]
        )
    return value


def value_twice(message: str) -> bytes:
    return b"\n" + message.encode()


def batch(topic: Topic, seed: int, size: int, clean: float) -> list[bytes | None]:
    """Make a batch of which a share `clean` is plain, in one spelling each."""
    rng = random.Random(seed)
    values: list[bytes | None] = []
    for _ in range(size):
        if rng.random() < clean:
            event = usual(topic, rng)
            if clean >= 0.9 and seed % 3 == 0:
                field = fields(topic).all[6 + seed % (len(fields(topic).all) - 6)]
                event.append((field.name, rng.choice(FITTING[field.kind][:2])))
            values.append(spelled(random.Random(1), event))
        elif rng.random() < 0.03:
            values.append(rng.choice([None, b"", b"[]", b"null", b"{}", b"\n", rng.randbytes(9)]))
        else:
            values.append(spelled(rng, altered(topic, rng, usual(topic, rng))))
    return values
