"""Replayed dead letters in a lane: bad again they are the original's letter, good they count once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.windows.logs import DECODE, START_MS, plan
from topics.dead_letters import FIRST_SEEN, REPLAY_OF, REPLAYS, DeadLetter, Replay, replay_of
from verify.oracle import Limits
from windows.lane import Lane
from windows.ledger import dead_letter_rows, replayed_rows
from windows.take import Arrivals, fresh_state

LOG, TOPIC, PARTITION = "cafe0123", "player-events", 2
LIMITS = Limits(dedup_offsets=20)
FIRST = Replay(LOG, TOPIC, PARTITION, 3, START_MS, 1)
HEADERS = FIRST.headers()
BAD = b"{nonsense"


def event(**other: object) -> bytes:
    fields = {"player_id": "p", "event_type": "battle", "timestamp": START_MS}
    return json.dumps(fields | other).encode()


def lane() -> Lane:
    return Lane(plan(LIMITS), DECODE, fresh_state(LOG, TOPIC, PARTITION, 10), 4)


def arrivals(values: Sequence[bytes | None], replays: dict[int, Replay], start: int = 10) -> Arrivals:
    offsets = np.arange(start, start + len(values))
    return Arrivals(values, offsets, np.full(len(values), START_MS + 1_000), [b"k"] * len(values), replays)


def counts(of: Lane) -> tuple[int, int, int]:
    return of.state.read, of.state.dead, of.state.duplicates


def test_a_replay_that_is_bad_again_is_the_originals_letter() -> None:
    (letter,) = lane().take(arrivals([event(), BAD], {1: FIRST})).dead
    assert letter == DeadLetter(
        "not_json", "", "the value is not JSON", LOG, TOPIC, PARTITION, 3, b"k", BAD, START_MS, 1
    )


@pytest.mark.parametrize(
    "foreign",
    [
        replace(FIRST, log="cafe0124"),
        replace(FIRST, topic="purchase-events"),
        replace(FIRST, partition=1),
        replace(FIRST, offset=11),
        replace(FIRST, offset=400),
        replace(FIRST, first_seen_ms=START_MS + 1_001),
    ],
)
def test_headers_that_name_no_earlier_message_of_this_log_say_nothing(foreign: Replay) -> None:
    for values in ([event(), event()], [event(), BAD]):
        told, untold = lane(), lane()
        letters = told.take(arrivals(values, {0: foreign, 1: foreign})).dead
        assert letters == untold.take(arrivals(values, {})).dead
        assert counts(told) == counts(untold)


def test_the_same_letter_sent_twice_counts_once_in_one_batch_and_over_a_restart() -> None:
    first = lane()
    first.take(arrivals([event(), event()], {0: FIRST, 1: FIRST}))
    assert counts(first) == (2, 0, 1)
    again = Lane(plan(LIMITS), DECODE, first.state, 4)
    again.remember(arrivals([event(), event()], {0: FIRST, 1: FIRST}).before(12))
    again.take(arrivals([event()], {0: FIRST}, start=12))
    assert counts(again) == (3, 0, 2)


def test_letters_of_different_messages_are_different() -> None:
    one = lane()
    one.take(arrivals([event(), event()], {0: FIRST, 1: replace(FIRST, offset=4)}))
    assert counts(one) == (2, 0, 0)


def test_an_event_id_of_its_own_wins() -> None:
    """So a letter is also recognised when its producer has sent the event once more by itself."""
    one = lane()
    one.take(arrivals([event(event_id="a"), event(event_id="a"), event(event_id="b")], {1: FIRST, 2: FIRST}))
    assert counts(one) == (3, 0, 1)


def test_no_event_id_can_pretend_to_be_a_replay() -> None:
    one = lane()
    one.take(arrivals([event(), event(event_id="\0003"), event(event_id="3")], {0: FIRST}))
    assert counts(one) == (3, 1, 0)  # NUL in an id is a dead letter


def test_versions_follow_what_happened_to_a_letter() -> None:
    states = [DeadLetter("not_json", "", "", LOG, TOPIC, 0, 1, b"", b"", 1, replays) for replays in (0, 1, 2)]
    versions = [
        [*dead_letter_rows([of]).frame["version"], *replayed_rows([of], 5).frame["version"]] for of in states
    ]
    assert versions == [[0, 1], [2, 3], [4, 5]]
    assert "replayed_at" not in dead_letter_rows(states).frame.columns


def test_headers_are_read_as_they_are_written() -> None:
    assert replay_of(HEADERS) == FIRST
    assert replay_of([("trace", None), *reversed(HEADERS)]) == FIRST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (REPLAY_OF, None),
        (REPLAY_OF, b""),
        (REPLAY_OF, b"cafe0123:player-events:2"),
        (REPLAY_OF, b"CAFE0123:player-events:2:3"),
        (REPLAY_OF, b"cafe0123:player events:2:3"),
        (REPLAY_OF, b"cafe0123:player-events:2:03"),
        (REPLAY_OF, b"cafe0123:player-events:2:3\n"),
        (REPLAY_OF, b"cafe0123:player-events:2:" + b"9" * 19),
        (REPLAY_OF, "cafe0123:player-events:2:٣".encode()),
        (FIRST_SEEN, b"-1"),
        (FIRST_SEEN, b"1e3"),
        (FIRST_SEEN, b"9" * 16),
        (REPLAYS, b"0"),
        (REPLAYS, b"1000000"),
        (REPLAYS, b"\xff"),
    ],
)
def test_anything_else_is_no_replay(name: str, value: bytes | None) -> None:
    forged: list[Any] = [(of, value if of == name else given) for of, given in HEADERS]
    assert replay_of(forged) is None
    assert replay_of([(of, given) for of, given in HEADERS if of != name]) is None
    assert replay_of([*HEADERS, (name, value)]) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([REPLAY_OF, FIRST_SEEN, REPLAYS, "other"]),
            st.none() | st.binary(max_size=30) | st.sampled_from([value for _, value in HEADERS]),
        ),
        max_size=5,
    )
)
def test_any_headers_give_an_answer_that_they_would_be_written_as(headers: list[Any]) -> None:
    found = replay_of(headers)
    assert found is None or sorted(found.headers()) == sorted(of for of in headers if of[0] != "other")
