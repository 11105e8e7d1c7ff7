"""The data dictionary and the JSON Schemas say what the code does, and nothing is left unsaid."""

from __future__ import annotations

import json
import random
import re

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from docs import data_dictionary
from docs.meanings import FILE, Meanings, meanings, places
from docs.schemas import schema
from tests.topics.batches import ARRIVED_MS, EVENTS, altered, fields, spelled, usual
from topics.decode import decode
from topics.errors import Broken
from topics.fields import Kind
from topics.registry import TOPICS
from topics.topic import Topic

TEXT = FILE.read_text()
BEYOND_SCHEMAS = {  # what decode refuses and no schema can
    "not_json",
    "not_utf8",
    "time_invalid",
    "time_future",
    "time_too_old",
}


def test_the_pages_are_those_that_the_code_writes() -> None:
    written = dict(data_dictionary.files())
    kept = {data_dictionary.PAGE, *data_dictionary.SCHEMAS.iterdir()}
    assert {path: path.read_text() for path in kept} == written, "write them: python -m docs.data_dictionary"


@pytest.mark.parametrize("entry", ["player_id", "price", "coordinates", "moves", "watermark"])
def test_a_name_without_an_entry_is_refused(entry: str) -> None:
    text, count = re.subn(rf"(?m)^{entry} = .*\n", "", TEXT)
    assert count == 1
    with pytest.raises(Broken, match=rf"\w+\.[\w-]+\.{entry} has no entry"):
        Meanings(text, list(places()))


@pytest.mark.parametrize("section", ["[all]", "[topics.players]", "[tables.engagement]", "[tables.nowhere]"])
def test_an_entry_that_nothing_has_is_refused(section: str) -> None:
    text = TEXT if f"\n{section}\n" in TEXT else f"{TEXT}\n{section}\n"
    text = text.replace(f"\n{section}\n", f'\n{section}\nmood = {{ means = "m", example = "e" }}\n')
    with pytest.raises(Broken, match=r"mood is the name of nothing"):
        Meanings(text, list(places()))


@pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))
def test_the_example_of_every_field_is_a_good_one(topic: Topic) -> None:
    told, place = meanings(), next(place for place in places() if place.name == topic.name)
    message = {name: told.of(place, name).example for name in place.names}
    batch = decode(topic, [json.dumps(message).encode()], np.full(1, ARRIVED_MS))
    assert batch.rejects == []
    Draft202012Validator(schema(topic, fields(topic), told)).validate(message)


@pytest.mark.parametrize("topic", EVENTS.values(), ids=list(EVENTS))
def test_a_schema_refuses_what_decode_refuses_as_far_as_it_can(topic: Topic) -> None:
    rng = random.Random(9)
    validator = Draft202012Validator(schema(topic, fields(topic), meanings()))
    Draft202012Validator.check_schema(validator.schema)
    for _ in range(400):
        value = spelled(rng, altered(topic, rng, usual(topic, rng)))
        batch = decode(topic, [value], np.full(1, ARRIVED_MS))
        if batch.rejects and batch.rejects[0].reason in {"not_json", "not_utf8"}:
            continue
        good = validator.is_valid(json.loads(value))
        assert good or batch.rejects, f"only the schema refuses {value!r}"
        if good and batch.rejects:
            assert beyond(topic, batch.rejects[0].path, batch.rejects[0].reason), value


def beyond(topic: Topic, path: str, reason: str) -> bool:
    """Tell whether no schema can know: the calendar, money's decimals, `1.0` where an integer must stand."""
    kind = next((field.kind for field in fields(topic).all if field.name == path), None)
    pointed = reason == "field_type" and kind in {Kind.WHOLE, Kind.ID, Kind.KEY}
    return reason in BEYOND_SCHEMAS or kind is Kind.MONEY or pointed


@pytest.mark.parametrize(
    ("changed", "good"),
    [
        ({}, True),
        ({"price": "1e2", "mood": [1]}, True),
        ({"price": "free"}, False),
        ({"price": -1}, False),
        ({"price": 10**12}, False),
        ({"price": None}, False),
        ({"item_id": ""}, False),
        ({"item_id": True}, False),
        ({"region": None}, True),
        ({"region": 5}, False),
        ({"event_index": 1 << 63}, False),
        ({"purchase_timestamp": "2026-11-22T05:00:00"}, False),
        ({"purchase_timestamp": 1_795_323_600_000}, True),
    ],
)
def test_a_purchase_is_judged_alike_by_schema_and_decode(changed: dict[str, object], *, good: bool) -> None:
    topic = TOPICS["purchase-events"]
    message = {name: json.loads(value) for name, value in usual(topic, random.Random(1))} | changed
    batch = decode(topic, [json.dumps(message).encode()], np.full(1, ARRIVED_MS))
    valid = Draft202012Validator(schema(topic, fields(topic), meanings())).is_valid(message)
    assert (valid, not batch.rejects) == (good, good)


def test_a_level_event_needs_its_level_in_the_schema_too() -> None:
    topic = TOPICS["player-events"]
    validator = Draft202012Validator(schema(topic, fields(topic), meanings()))
    message = {name: json.loads(value) for name, value in usual(topic, random.Random(1))}
    found = {
        (kind, level): validator.is_valid(message | {"event_type": kind, "level_id": level})
        for kind in ("move", "level_up", "dance")
        for level in ("l", None)
    }
    assert [case for case, valid in found.items() if not valid] == [("move", None), ("level_up", None)]
