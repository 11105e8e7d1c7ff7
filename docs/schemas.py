"""The JSON Schema (draft 2020-12) of each topic's messages, made from its event struct.

Rules: what a schema refuses, decode refuses. Decode refuses some more, which no schema can say: money with
more than 4 decimals, a day that no calendar has, a time ahead of its record, text that is no UTF-8.
Unknown fields are welcome everywhere.
"""

from __future__ import annotations

import json
from typing import TypeAlias

from docs.meanings import Meanings, Place
from topics import times
from topics.fields import Field, Fields, Kind, Needs
from topics.money import DECIMAL, LIMIT_DIGITS
from topics.strict import NUMBER_LIMIT
from topics.topic import Topic

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Schema: TypeAlias = "dict[str, Json]"

NO_NUL = "^[^\\u0000]*$"
TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
NULL: Schema = {"type": "null"}
NOT_NULL: Schema = {"not": NULL}
TEXT: Schema = {"type": "string", "pattern": NO_NUL}
TAKES: dict[Kind, list[Schema]] = {
    Kind.KEY: [TEXT | {"minLength": 1}, {"type": "integer"}],
    Kind.ID: [TEXT, {"type": "integer"}],
    Kind.TEXT: [TEXT],
    Kind.WHOLE: [{"type": "integer", "minimum": -(1 << 63), "maximum": (1 << 63) - 1}],
    Kind.NUMBER: [
        {"type": "number", "exclusiveMinimum": -int(NUMBER_LIMIT), "exclusiveMaximum": int(NUMBER_LIMIT)}
    ],
    Kind.MONEY: [
        {"type": "number", "minimum": 0, "exclusiveMaximum": 10**LIMIT_DIGITS},
        {"type": "string", "pattern": f"^{DECIMAL.pattern.replace('(?:', '(')}$"},
    ],
    Kind.TIME: [
        {"type": "string", "pattern": TIME},
        {"type": "integer", "minimum": times.EARLIEST_MS, "maximum": times.LATEST_MS},
    ],
    Kind.FLAG: [{"type": "boolean"}],
    Kind.ANY: [TEXT, {"type": ["number", "boolean", "array", "object"]}],
}


def schema_text(topic: Topic, fields: Fields, meanings: Meanings) -> str:
    """Write the schema of a topic's messages."""
    return json.dumps(schema(topic, fields, meanings), indent=2, ensure_ascii=False) + "\n"


def schema(topic: Topic, fields: Fields, meanings: Meanings) -> Schema:
    """Make the schema of a topic's messages."""
    place = Place("topics", topic.name, tuple(fields.at))
    required: list[Json] = [field.name for field in fields.all if field.required]
    made: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:gamewax:{topic.name}",
        "title": topic.name,
        "description": described(topic),
        "type": "object",
        "required": required,
        "properties": {field.name: _property(field, meanings, place) for field in fields.all},
    }
    return made if fields.needs is None else made | _needed(fields.needs)


def described(topic: Topic) -> str:
    """Say what a topic's messages are about, as its struct does, and how they are keyed."""
    meaning = ((topic.event.__doc__ if topic.event else None) or "").strip()
    said = [meaning, f"Key: {topic.key}.", f"Time: {topic.time or 'that of the Kafka record'}."]
    if topic.tombstone_deletes:
        said.append("A message without a value deletes what its key names.")
    return " ".join(said)


def _property(field: Field, meanings: Meanings, place: Place) -> Schema:
    meaning = meanings.of(place, field.name)
    unit = f" ({meaning.unit})" if meaning.unit else ""
    takes = [*TAKES[field.kind], *([] if field.required else [NULL])]
    said: Schema = {"description": meaning.means + unit, "examples": [meaning.example]}
    either: Schema = {"anyOf": [*takes]}
    return said | (takes[0] if len(takes) == 1 else either)


def _needed(needs: Needs) -> Schema:
    """Say which events need more fields."""
    begins: Schema = {"type": "string", "pattern": f"^{needs.prefix}"}
    kinds: Schema = {"anyOf": [{"enum": [*needs.types]}, begins]}
    then: Schema = {"required": [*needs.fields], "properties": dict.fromkeys(needs.fields, NOT_NULL)}
    return {"if": {"properties": {needs.on: kinds}}, "then": then}
