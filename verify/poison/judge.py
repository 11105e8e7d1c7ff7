"""An independent judge: what the contract says of one message, by Python's own JSON and plain rules.

Rules: shares no code with `topics/`. The first that applies counts: tombstone, oversize, not_utf8, not_json
(RFC 8259, at most 64 deep), half a surrogate pair (not_utf8), not_object, then the fields in their order:
missing, type, range or time; last what the kind of event needs, and a time ahead of its record. Of a key
given twice the last counts; unknown fields may hold any JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from verify.poison.contract import FIELDS, IN_A_LEVEL, PLAYERS, REQUIRED, TIME_FIELD, Takes
from verify.poison.values import money_of, time_in_range, time_of

LARGEST = 1 << 20  # bytes
DEEPEST = 64
AHEAD_MS = 300_000
NUMBERS_BELOW = 10.0**12
HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
WHOLE_NUMBER = re.compile(r"-?[0-9]+")
Value = Any  # what JSON means: Pairs, list, str, Number, bool or None


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that is no event, and why; `path` is the field, `""` the whole message."""

    reason: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as it is written."""

    text: str


class Pairs(list[tuple[str, Value]]):
    """An object's keys and values, doubled keys too."""


Event = dict[str, Any]


def judge(topic: str, value: bytes | None, arrived_ms: int) -> Event | Dead:
    """Judge one message; an event has its known fields, `event_time` (epoch ms) and `extra` (names)."""
    if value is None:
        return Dead("tombstone")
    if len(value) > LARGEST:
        return Dead("oversize")
    try:
        text = value.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return Dead("not_utf8")
    parsed = _parsed(text)
    if isinstance(parsed, Dead):
        return parsed
    return _event(topic, dict(parsed), arrived_ms)


def _parsed(text: str) -> Pairs | Dead:
    try:
        parsed = READER.decode(text)
    except (ValueError, RecursionError):
        return Dead("not_json")
    if text.count("[") + text.count("{") > DEEPEST and _depth(parsed) > DEEPEST:
        return Dead("not_json")
    if HALF_PAIR.search(text) and any(_halved(part) for part in _strings(parsed)):
        return Dead("not_utf8")
    return parsed if isinstance(parsed, Pairs) else Dead("not_object")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


READER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=_refuse, strict=True
)


def _inside(value: Value) -> Iterator[Value]:
    if isinstance(value, Pairs):
        return (inner for _, inner in value)
    return iter(value if isinstance(value, list) else ())


def _depth(value: Value) -> int:
    level, depth = [value], 0
    while level := [inner for inner in level if isinstance(inner, list)]:
        depth += 1
        level = [inner for outer in level for inner in _inside(outer)]
    return depth


def _strings(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    if isinstance(value, Pairs):
        yield from (name for name, _ in value)
    for inner in _inside(value):
        yield from _strings(inner)


def _halved(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _event(topic: str, given: dict[str, Value], arrived_ms: int) -> Event | Dead:
    event: Event = {"extra": {name for name in given if name not in FIELDS[topic]}}
    for name, takes in FIELDS[topic].items():
        value = given.get(name)
        if value is None:
            if name in REQUIRED[topic]:
                return Dead("field_missing", name)
            continue
        read = TAKE[takes](value)
        if isinstance(read, Dead):
            return Dead(read.reason, name)
        event[name] = read
    return _whole(topic, event, arrived_ms)


def _whole(topic: str, event: Event, arrived_ms: int) -> Event | Dead:
    if topic == PLAYERS:
        kind = event["event_type"]
        if kind in IN_A_LEVEL or kind.startswith("level_"):
            for name in ("level_id", "map_id"):
                if name not in event:
                    return Dead("field_missing", name)
        elif "level_id" in event:
            event.setdefault("map_id", "")
    event.setdefault("game_id", "")
    event["event_time"] = event[TIME_FIELD[topic]]
    if event["event_time"] - AHEAD_MS > arrived_ms:
        return Dead("time_future", TIME_FIELD[topic])
    return event


def _text(value: Value) -> str | Dead:
    if not isinstance(value, str):
        return Dead("field_type")
    return Dead("field_range") if "\0" in value else value


def _id(value: Value) -> str | Dead:
    whole = isinstance(value, Number) and WHOLE_NUMBER.fullmatch(value.text)
    return value.text if whole else _text(value)


def _key(value: Value) -> str | Dead:
    return _id(value) or Dead("field_range")


def _integer(value: Value) -> int | Dead:
    if not (isinstance(value, Number) and WHOLE_NUMBER.fullmatch(value.text)):
        return Dead("field_type")
    big = len(value.text) > 20 or not -(2**63) <= int(value.text) < 2**63  # noqa: PLR2004 - -9223372036854775808
    return Dead("field_range") if big else int(value.text)


def _number(value: Value) -> float | Dead:
    if not isinstance(value, Number):
        return Dead("field_type")
    number = float(value.text)
    return number if -NUMBERS_BELOW < number < NUMBERS_BELOW else Dead("field_range")


def _money(value: Value) -> Decimal | Dead:
    if not isinstance(value, Number | str):
        return Dead("field_type")
    amount = money_of(value.text if isinstance(value, Number) else value)
    return Dead(amount) if isinstance(amount, str) else amount


def _time(value: Value) -> int | Dead:
    if isinstance(value, str):
        ms = time_of(value)
    elif isinstance(value, Number) and WHOLE_NUMBER.fullmatch(value.text):
        ms = int(value.text[:30])  # any longer one is as far away
    else:
        ms = None
    if ms is None:
        return Dead("time_invalid")
    within = time_in_range(ms)
    return Dead(within) if isinstance(within, str) else within


TAKE = {
    Takes.KEY: _key,
    Takes.ID: _id,
    Takes.TEXT: _text,
    Takes.WHOLE: _integer,
    Takes.NUMBER: _number,
    Takes.MONEY: _money,
    Takes.TIME: _time,
}
