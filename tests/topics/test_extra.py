"""The unknown fields of good messages, against a plain reading of each message."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.topics.batches import ARRIVED_MS, EVENTS, Event, batch, fields, spelled, usual
from topics.decode import decode
from topics.extra import extras
from topics.topic import Topic

PLAYERS = EVENTS["player-events"]
VALUES = ["1", "1.50", '"x"', "null", "[1, 2]", "true", '":x"', '"\\u0041"', '{"player_id":1}', '{"a": {}}']
ANY_JSON = st.recursive(st.none() | st.text(), st.lists)
NAMES = ["x", "y", "player_i", "xplayer_id", "price2", "\\u0078", "é", "", "a b", "player_id"]


def plainly(topic: Topic, value: bytes | None) -> dict[str, object]:
    """Read the unknown fields of one message with Python's own reader."""
    event = json.loads(value or b"", parse_float=str, parse_int=str)
    return {name: known for name, known in event.items() if name not in fields(topic).at}


def assert_extra(topic: Topic, values: list[bytes | None]) -> None:
    decoded = decode(topic, values, np.full(len(values), ARRIVED_MS))
    texts = extras(topic, decoded, values).to_list()
    got = [json.loads(text, parse_float=str, parse_int=str) if text else {} for text in texts]
    expected = [plainly(topic, values[row]) for row in decoded.rows.tolist()]
    assert got == expected
    assert [list(extra) for extra in got] == [list(extra) for extra in expected]  # in the same order
    assert all(text != "{}" for text in texts)


def with_unknown(topic: Topic, rng: random.Random) -> Event:
    event = usual(topic, rng)
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        name = rng.choice(
            ["x", "y", "player_i", "xplayer_id", "price2", "\\u0078", "é", "", "a b", "player_id"]
        )
        event.insert(rng.randrange(len(event) + 1), (name, rng.choice(VALUES)))
    return event


@pytest.mark.parametrize("topic", EVENTS.values(), ids=list(EVENTS))
def test_unknown_fields_are_those_that_a_plain_reading_finds(topic: Topic) -> None:
    rng = random.Random(8)
    for _ in range(60):
        odd = rng.choice([0.0, 0.1, 1.0])
        makers = [with_unknown if rng.random() < odd else usual for _ in range(20)]
        assert_extra(topic, [spelled(rng, make(topic, rng)) for make in makers])


@pytest.mark.parametrize("clean", [0.0, 0.9, 1.0])
def test_any_batch_gives_the_unknown_fields_of_its_good_messages(clean: float) -> None:
    for seed in range(20):
        assert_extra(PLAYERS, batch(PLAYERS, seed, 40, clean))


@pytest.mark.parametrize("field", ["game_id", "map_id", "health", "sent_at"])
def test_a_field_left_out_does_not_hide_an_unknown_one(field: str) -> None:
    events = [[("player_id", '"p"'), ("event_type", '"x"'), ("timestamp", "1")] for _ in range(3)]
    events[0] += [(field, "5")]
    events[1] += [("unknown", "1.0")]
    events[2] += [(field, "5")]
    values: list[bytes | None] = [spelled(random.Random(1), event) for event in events]
    decoded = decode(PLAYERS, values, np.full(3, ARRIVED_MS))
    assert extras(PLAYERS, decoded, values).to_list() == ["", '{"unknown":1.0}', ""]


@pytest.mark.parametrize("space", ["\n", "\t", " ", "\r\n", ""])
def test_space_before_a_colon_hides_no_field(space: str) -> None:
    known = '{"player_id":"p","event_type":"x","timestamp":1'
    values: list[bytes | None] = [f'{known},"mood"{space}:5}}'.encode(), f"{known}}}".encode()]
    decoded = decode(PLAYERS, values, np.full(2, ARRIVED_MS))
    assert extras(PLAYERS, decoded, values).to_list() == ['{"mood":5}', ""]


def test_values_stand_as_written_and_the_last_of_a_key_counts() -> None:
    event = usual(PLAYERS, random.Random(1))
    event += [("b", "1.500e0"), ("a", '{"z": [1,  2.0]}'), ("\\u0062", '"\\u0041"'), ("n", "null")]
    values: list[bytes | None] = [None, spelled(random.Random(1), event)]
    decoded = decode(PLAYERS, values, np.full(2, ARRIVED_MS))
    assert extras(PLAYERS, decoded, values).to_list() == ['{"b":"\\u0041","a":{"z": [1,  2.0]},"n":null}']


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(), st.recursive(st.none() | st.text(), st.lists), max_size=4), max_size=6
    )
)
def test_any_unknown_fields_are_kept(unknown: list[dict[str, object]]) -> None:
    known = {name: json.loads(value) for name, value in usual(PLAYERS, random.Random(3))}
    events = [{**known, **fields} for fields in unknown]
    for ascii_only in (True, False):
        values = [json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "replace") for event in events]
        assert_extra(PLAYERS, list(values))


def test_no_messages_have_no_unknown_fields() -> None:
    assert extras(PLAYERS, decode(PLAYERS, [None], np.zeros(1, np.int64)), [None]).to_list() == []


@pytest.mark.parametrize("number", ["", ',"health":5'], ids=["strings only", "with numbers"])
@pytest.mark.parametrize("everyone", ["", ',"mood":"x"', ',"player\\u005fid":"x"', ',"mood": 1'])
@pytest.mark.parametrize(
    "odd", [b'"mood":"odd"', b'"mood":[1]', b'"player_id":7', b'"timestamp":"never"', b'"":""']
)
def test_one_message_unlike_the_others_gives_its_unknown_fields(
    number: str, everyone: str, odd: bytes
) -> None:
    known = f'{{"player_id":"p","event_type":"x","timestamp":"2026-01-01T00:00:00Z"{number}{everyone}}}'
    for place in (0, 17, 99):
        values: list[bytes | None] = [known.encode()] * 100
        values[place] = known[:-1].encode() + b"," + odd + b"}"
        assert_extra(PLAYERS, values)
