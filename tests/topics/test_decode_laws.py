"""The quick way and the strict way give the same verdicts and the same cells, for any batch of bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from topics.decode import Decoded, Ints, decode, schema_of
from topics.fields import fields_of
from topics.player_events import TOPIC, PlayerEvent
from topics.rejects import Fault, Reject
from topics.strict import Cell, decode_one

ARRIVED_MS = 1_795_323_600_000  # 2026-11-22T05:00:00Z
Event = list[tuple[str, str]]  # fields with their JSON


def strictly(values: Sequence[bytes | None], arrived_ms: Ints) -> Decoded:
    """Decode each message by the definition."""
    rows: list[int] = []
    events: list[list[Cell]] = []
    rejects: list[Reject] = []
    for row, value in enumerate(values):
        event = decode_one(fields_of(PlayerEvent), TOPIC.time, value, int(arrived_ms[row]))
        if isinstance(event, Fault):
            rejects.append(Reject(row, event.reason, event.path, event.error))
        else:
            rows.append(row)
            events.append(event)
    frame = pl.DataFrame(events, schema=schema_of(TOPIC), orient="row")
    return Decoded(np.array(rows, np.int64), frame, rejects)


def assert_same(values: Sequence[bytes | None], arrived_ms: Ints | None = None) -> None:
    arrived_ms = np.full(len(values), ARRIVED_MS) if arrived_ms is None else arrived_ms
    got, expected = decode(TOPIC, values, arrived_ms), strictly(values, arrived_ms)
    assert got.rows.tolist() == expected.rows.tolist()
    assert got.rejects == expected.rejects
    assert_frame_equal(got.frame, expected.frame, check_exact=True)
    got.frame.write_ndjson()  # every text can be encoded


IDS = [
    "p1",
    "",
    "42",
    "-7",
    "1.5",
    "1e3",
    "true",
    "null",
    "[1]",
    '{"a":1}',
    " x",
    ":",
    "é",
    "\N{PILE OF POO}",
    "a b",
]
NUMBERS = [
    "0",
    "-0",
    "7",
    "-12",
    "12345678901234567890",
    "9" * 40,
    "1.5",
    "1.50",
    "-0.0",
    "1e3",
    "1E-2",
    "1e999",
    "1.0",
]
WEIRD = [
    "null",
    "true",
    "false",
    "NaN",
    "Infinity",
    "[1]",
    '["a"]',
    '["a", "b"]',
    '[[], "x"]',
    '{"a": "b"}',
    "{}",
    '{"player_id":"x"}',
    "01",
    "1.",
    "+1",
    "",
    "[",
    "tru",
]
ESCAPED = ['"\\u0041"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"a\\nb"', '"a\nb"', '"\t"', '"\\q"']
STAMPS = [
    '"2026-11-22T05:00:00Z"',
    '"2026-11-22T05:00:00.123Z"',
    '"2026-11-22t06:00:00.123456789123+01:00"',
    '"2026-11-22 05:05:00.000z"',
    '"2026-11-22T05:05:00.001Z"',
    '"2026-11-22T04:59:60Z"',
    '"2026-02-29T05:00:00Z"',
    '"1969-12-31T23:59:59.999Z"',
    '"2106-01-01T00:00:00Z"',
    '"2026-11-22T05:00:00"',
    '"1795323600000"',
    "1795323600000",
    "1795323600000.0",
    "-1",
    "1795323600000000000000000",
]
NAMES = [field.name for field in fields_of(PlayerEvent).all]
KINDS = ["move", "interaction", "level_up", "session_start", "x", ""]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def usual(rng: random.Random) -> Event:
    """Make the fields of a plain seed event."""
    return [
        ("player_id", quoted(f"player-{rng.randrange(100)}")),
        ("session_id", quoted(f"s{rng.randrange(1000)}")),
        ("event_type", quoted(rng.choice(KINDS[:4]))),
        ("level_id", quoted(f"level_{rng.randrange(9)}")),
        ("map_id", quoted(rng.choice(["m1", "m2", ""]))),
        ("timestamp", rng.choice(STAMPS[:2])),
    ]


def token(rng: random.Random, name: str) -> str:
    """Choose any JSON (or nearly JSON) value, often one that fits the field."""
    fitting = {"timestamp": STAMPS, "sent_at": STAMPS, "event_type": [quoted(kind) for kind in KINDS]}
    fitting |= dict.fromkeys(["health", "duration_ms", "quantity", "event_index"], NUMBERS)
    any_value = rng.choice([[quoted(rng.choice(IDS))]] * 9 + [NUMBERS] * 2 + [WEIRD, ESCAPED])
    return rng.choice(fitting[name] if name in fitting and rng.random() < 0.8 else any_value)


def altered(rng: random.Random, fields: Event) -> Event:
    """Change a few fields: another value, twice, gone, unknown, reordered, an escaped key."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        name = rng.choice(NAMES + NAMES[:6] + ["unknown", "player_i", "xplayer_id"])
        at = rng.randrange(len(fields) + 1)
        choice = rng.random()
        if choice < 0.4 and fields:
            at = rng.randrange(len(fields))
            fields[at] = (fields[at][0], token(rng, fields[at][0]))
        elif choice < 0.85:
            fields.insert(at, (name, token(rng, name)))
        elif choice < 0.93 and fields:
            del fields[rng.randrange(len(fields))]
        elif choice < 0.96:
            rng.shuffle(fields)
        else:
            fields.insert(at, (f"\\u{ord(name[0]):04x}{name[1:]}", token(rng, name)))
    return fields


def spelled(rng: random.Random, fields: Event) -> bytes:
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
    text = "{" + first + comma.join(f'"{name}"{colon}{value}' for name, value in fields) + last + "}"
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


def batch(seed: int, size: int, clean: float) -> list[bytes | None]:
    """Make a batch of which a share `clean` is plain, in one spelling each."""
    rng = random.Random(seed)
    values: list[bytes | None] = []
    for _ in range(size):
        if rng.random() < clean:
            fields = usual(rng)
            if clean >= 0.9 and seed % 3 == 0:
                fields.append(
                    (
                        ["quantity", "health", "sent_at", "region"][seed % 4],
                        rng.choice(["5", STAMPS[0], '"r"']),
                    )
                )
            values.append(json.dumps({name: json.loads(value) for name, value in fields}).encode())
        elif rng.random() < 0.03:
            values.append(rng.choice([None, b"", b"[]", b"null", b"{}", b"\n", rng.randbytes(9)]))
        else:
            values.append(spelled(rng, altered(rng, usual(rng))))
    return values


@pytest.mark.parametrize("clean", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_any_batch_decodes_as_its_messages_one_by_one(clean: float) -> None:
    for seed in range(40):
        size = random.Random(seed).choice([1, 7, 60, 200, 250])
        assert_same(batch(seed, size, clean))


def test_every_altered_event_alone_decodes_by_the_definition() -> None:
    rng = random.Random(5)
    for _ in range(1000):
        assert_same([spelled(rng, altered(rng, usual(rng)))])


def test_one_odd_message_among_plain_ones_decodes_by_the_definition() -> None:
    rng = random.Random(6)
    for _ in range(1200):
        values: list[bytes | None] = [spelled(random.Random(1), usual(rng)) for _ in range(2)]
        values.insert(rng.randrange(3), spelled(rng, altered(rng, usual(rng))))
        assert_same(values)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.none()
        | st.binary(max_size=30)
        | st.text(alphabet='{}[]":,\\ \nu0d8e1-.tn', max_size=30).map(str.encode),
        max_size=8,
    )
)
def test_any_bytes_are_decoded_without_an_exception(values: list[bytes | None]) -> None:
    assert_same(values)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(NAMES),
            st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists),
            max_size=8,
        ),
        max_size=6,
    )
)
def test_any_json_objects_are_decoded_by_the_definition(events: list[dict[str, object]]) -> None:
    assert_same([json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") for event in events])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20), st.integers(0, 1000))
def test_the_time_of_arrival_is_judged_message_by_message(arrived: list[int], seed: int) -> None:
    assert_same(batch(seed, len(arrived), 0.8), np.array(arrived))
