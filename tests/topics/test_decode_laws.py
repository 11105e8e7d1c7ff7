"""The quick way and the strict way give the same verdicts and the same cells, for any batch of bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.topics.batches import (
    ARRIVED_MS,
    EVENTS,
    altered,
    assert_same,
    batch,
    fields,
    spelled,
    usual,
)
from topics import columns
from topics.alike import read_alike
from topics.columns import read_sure
from topics.lines import flat_rows, lines_of, tight_rows
from topics.topic import Topic
from topics.uniform import read_uniform

MAIN = [EVENTS[name] for name in ("player-events", "purchase-events", "server-metrics")]
EVERY = list(EVENTS.values())
of_main = pytest.mark.parametrize("topic", MAIN, ids=lambda topic: topic.name)
of_every = pytest.mark.parametrize("topic", EVERY, ids=lambda topic: topic.name)


@pytest.mark.parametrize("clean", [0.0, 0.5, 0.9, 0.99, 1.0])
@of_main
def test_any_batch_decodes_as_its_messages_one_by_one(topic: Topic, clean: float) -> None:
    for seed in range(20):
        size = random.Random(seed).choice([1, 7, 60, 200, 250])
        assert_same(topic, batch(topic, seed, size, clean))


@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("clean", [0.5, 0.99])
@of_main
def test_few_messages_are_parsed_one_by_one_and_decode_the_same(
    topic: Topic, clean: float, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "TOO_FEW", 60)
    for seed in range(10):
        assert_same(topic, batch(topic, seed, size, clean))


@of_every
def test_every_altered_event_alone_decodes_by_the_definition(topic: Topic) -> None:
    rng = random.Random(5)
    for _ in range(250):
        assert_same(topic, [spelled(rng, altered(topic, rng, usual(topic, rng)))])


@of_every
def test_a_few_odd_messages_among_plain_ones_decode_by_the_definition(topic: Topic) -> None:
    rng = random.Random(6)
    for _ in range(200):
        values: list[bytes | None] = [spelled(random.Random(1), usual(topic, rng)) for _ in range(45)]
        for _ in range(rng.choice([1, 1, 2])):
            values.insert(rng.randrange(46), spelled(rng, altered(topic, rng, usual(topic, rng))))
        assert_same(topic, values)


def test_plain_batches_take_no_message_one_by_one() -> None:
    for topic in MAIN:
        values = batch(topic, 1, 50, 1.0)
        taken = read_sure(fields(topic), topic.time, values, np.full(50, ARRIVED_MS))
        assert taken.rows.tolist() == list(range(50))


def plain(size: int) -> list[bytes | None]:
    """Make player events of one spelling."""
    return [spelled(random.Random(1), usual(MAIN[0], random.Random(seed))) for seed in range(size)]


@pytest.mark.parametrize("extra", ['"player_id":"other"', '"unknown":"x"', '"health":1.5', '"map_id":1.50'])
def test_a_key_too_many_is_not_made_up_for_by_a_key_that_lacks(extra: str) -> None:
    values = plain(60)
    values[7] = (values[7] or b"")[:-1] + b"," + extra.encode() + b"}"
    lacking = dict(usual(MAIN[0], random.Random(9)))
    del lacking["session_id"]
    values[30] = spelled(random.Random(1), list(lacking.items()))
    assert_same(MAIN[0], values)


@pytest.mark.parametrize("twice_first", [True, False])
def test_a_value_too_many_is_not_made_up_for_by_a_neighbour_that_lacks_it(*, twice_first: bool) -> None:
    stamp = b'"timestamp":"2026-11-22T04:59:59Z"}'
    lacking = b'{"player_id":"a",' + stamp
    right = b'{"player_id":"a","event_type":"x",' + stamp
    twice = b'{"player_id":"a","event_type":"x","event_type":"y",' + stamp
    odd = [twice, lacking] if twice_first else [lacking, twice]
    assert_same(MAIN[0], [right] * 30 + odd + [right] * 30)


def test_a_few_odd_messages_keep_no_other_from_the_shortcut() -> None:
    values = plain(100)
    odd: list[bytes] = [b"{", b'{"player_id":5}', (values[3] or b"").replace(b"player_id", b"player_if")]
    values[3], values[50], values[99] = odd
    lines = lines_of([value or b"" for value in values])
    cells = read_uniform(lines, flat_rows(lines) & tight_rows(lines), fields(MAIN[0]).all)
    assert cells is not None
    assert cells.rows.tolist() == [row for row in range(100) if row not in {3, 50, 99}]
    assert_same(MAIN[0], values)


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda value: value.replace(old, new, 1)


ODD_AMONG_ALIKE = {
    "another key": replaced(b"map_id", b"map_ix"),
    "keys swapped": lambda value: value.replace(b"level_id", b"?").replace(b"map_id", b"level_id"),
    "a key twice": replaced(b"session_id", b"player_id"),
    "a key of the same length": replaced(b"level_id", b"level_ix"),
    "cells that end elsewhere": lambda value: value.replace(b'":"', b'"::"', 1).replace(b'":"', b'""', 1),
    "a quote too many": replaced(b"player-", b'player"'),
    "two quotes too many": replaced(b"player-", b'pla"y"er-'),
    "no opening": lambda value: value[1:],
    "no closing": lambda value: value[:-1],
    "two objects": lambda value: value + value,
    "a number": replaced(b'"player-', b'5,"x":"'),
    "a null": lambda value: value[:-1] + b',"health":null}',
    "a number that is text": lambda value: value[:-1] + b',"health":"5"}',
    "a control character": replaced(b"player-", b"player\x01"),
    "a zero": replaced(b"player-", b"player\x00"),
    "a line break": replaced(b"player-", b"player\n"),
    "a carriage return": replaced(b"player-", b"player\r"),
    "a delete character": replaced(b"player-", b"player\x7f"),
    "an escape": replaced(b"player-", b"player\\u0041"),
    "an escaped key": replaced(b"player_id", b"player\\u005fid"),
    "a mark of byte order": lambda value: b"\xef\xbb\xbf" + value,
    "no UTF-8": replaced(b"player-", b"player\xff"),
    "half a character": replaced(b"player-", b"player\xc3"),
    "other letters": replaced(b"player-", "sp\u00efeler-".encode()),
    "spaces": replaced(b'":"', b'" : "'),
    "an empty id": replaced(b'"player_id":"', b'"player_id":"","p":"'),
    "nothing": lambda _: b"",
    "no time": replaced(b'p":"2', b'p":"x2'),
}


@pytest.mark.parametrize("where", [0, 31, 59])
@pytest.mark.parametrize("odd", ODD_AMONG_ALIKE.values(), ids=ODD_AMONG_ALIKE)
def test_one_odd_message_among_alike_ones_decodes_by_the_definition(
    odd: Callable[[bytes], bytes], where: int
) -> None:
    values = plain(60)
    values[where] = odd(values[where] or b"")
    assert_same(MAIN[0], values)


def test_alike_messages_are_cut_at_their_quotes_and_odd_ones_left_out() -> None:
    lines = lines_of([value or b"" for value in plain(60)])
    cells = read_alike(lines, flat_rows(lines), fields(MAIN[0]).all)
    assert cells is not None
    assert cells.rows.tolist() == list(range(60))
    values = [value or b"" for value in plain(100)]
    for row, odd in ((7, "another key"), (50, "a quote too many"), (99, "a control character")):
        values[row] = ODD_AMONG_ALIKE[odd](values[row])
    lines = lines_of(values)
    cells = read_alike(lines, flat_rows(lines), fields(MAIN[0]).all)
    assert cells is not None
    assert cells.rows.tolist() == [row for row in range(100) if row not in {7, 50, 99}]


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
    assert_same(EVENTS["player-events"], values)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(sorted({name for topic in MAIN for name in fields(topic).at})),
            st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists),
            max_size=8,
        ),
        max_size=6,
    )
)
def test_any_json_objects_are_decoded_by_the_definition(events: list[dict[str, object]]) -> None:
    for topic in MAIN:
        assert_same(
            topic,
            [json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") for event in events],
        )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20), st.integers(0, 1000))
def test_the_time_of_arrival_is_judged_message_by_message(arrived: list[int], seed: int) -> None:
    for topic in MAIN:
        assert_same(topic, batch(topic, seed, len(arrived), 0.8), np.array(arrived))
