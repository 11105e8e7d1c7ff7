"""Poison in the fields: missing, null, of the wrong type, out of range, no time, no money."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from verify.poison.contract import FIELDS, KEY_FIELD, PLAYERS, PURCHASES, REQUIRED, TIME_FIELD
from verify.poison.form import BASE_MS, GOOD, TOPICS, Form, spoiled
from verify.poison.tokens import ODD_IDS, RIGHT, TIMES, WRONG, name_of


def forms() -> Iterator[Form]:
    """Give every form."""
    for topic in TOPICS:
        yield from chain(_missing(topic), _wrong(topic), _times(topic))
    yield from _odd()
    yield from _of_players()


def _missing(topic: str) -> Iterator[Form]:
    for name in REQUIRED[topic]:
        yield Form(f"{name} missing", topic, spoiled(topic, {name: None}), "field_missing")
    for name, takes in FIELDS[topic].items():
        needed = name in (*REQUIRED[topic], "level_id", "map_id") and takes is not None
        yield Form(f"{name} null", topic, spoiled(topic, {name: "null"}), "field_missing" if needed else GOOD)


def _wrong(topic: str) -> Iterator[Form]:
    for name, takes in FIELDS[topic].items():
        for token, means in WRONG[takes].items():
            yield Form(f"{name} {name_of(token)}", topic, spoiled(topic, {name: token}), means)
        for token in RIGHT[takes]:
            yield Form(f"{name} {name_of(token)}", topic, spoiled(topic, {name: token}), GOOD)


def _times(topic: str) -> Iterator[Form]:
    for token, means in TIMES.items():
        name = TIME_FIELD[topic]
        yield Form(f"{name} {name_of(token)}", topic, spoiled(topic, {name: token}), means)
        # when it was sent may lie ahead; it moves no time
        sent = GOOD if means == "time_future" and _within_2105(token) else means
        yield Form(f"sent_at {name_of(token)}", topic, spoiled(topic, {"sent_at": token}), sent)


def _within_2105(token: str) -> bool:
    return token in {f"{BASE_MS + 300_001}", '"2105-12-31T23:59:59.999Z"'}


def _odd() -> Iterator[Form]:
    places = [(PLAYERS, "level_id"), (PLAYERS, "event_type"), (PURCHASES, "item_id"), (PURCHASES, "currency")]
    places += [(topic, name) for topic in TOPICS for name in ("game_id", KEY_FIELD[topic])]
    for topic, name in places:
        for what, token in ODD_IDS.items():
            yield Form(f"{name} with {what}", topic, spoiled(topic, {name: token}), GOOD)


def _of_players() -> Iterator[Form]:
    """Which kind of event needs which fields."""
    for kind, needs in {"move": 1, "interaction": 1, "level_": 1, "level_up": 1, "Level_up": 0, "move ": 0,
                        "MOVE": 0, "": 0, "unknown": 0, "level-up": 0}.items():  # fmt: skip
        for name in ("level_id", "map_id"):
            means = "field_missing" if needs else GOOD
            changed = {"event_type": f'"{kind}"', name: None}
            yield Form(f"event_type {kind!r} without {name}", PLAYERS, spoiled(PLAYERS, changed), means)
