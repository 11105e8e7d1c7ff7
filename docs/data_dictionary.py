"""Writes `docs/data-dictionary.md` and `docs/schemas/`: `python -m docs.data_dictionary`.

In: the topics (`topics.registry`), the tables (`sinks/ddl`) and what their names mean (`docs/meanings.toml`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from docs.meanings import Meaning, Meanings, Place, meanings, places
from docs.schemas import described, schema_text
from docs.tables import tables
from topics.decode import fields_of_topic
from topics.errors import GamewaxError
from topics.fields import Kind
from topics.registry import TOPICS
from topics.topic import Topic

PAGE = Path(__file__).with_name("data-dictionary.md")
SCHEMAS = Path(__file__).with_name("schemas")
HEAD = """# Data dictionary

What every field of every topic and every column of every table means. Written by
`python -m docs.data_dictionary` from the code and from `docs/meanings.toml`; a test fails when they differ,
when a name has no meaning, and when a meaning has no name. What counts as a good message, and why a message
is a dead letter: [reference](reference.md). Fields that a topic does not know are kept in the column `extra`.
"""
TYPE = {
    Kind.KEY: "id, not empty",
    Kind.ID: "id",
    Kind.TEXT: "text",
    Kind.WHOLE: "integer",
    Kind.NUMBER: "number",
    Kind.MONEY: "money",
    Kind.TIME: "time",
    Kind.FLAG: "true or false",
    Kind.ANY: "any JSON",
}
TYPES = """An *id* is a string or an integer, kept as a string; *money* a number or a string that holds one,
with up to 4 decimals; a *time* RFC 3339 text with an offset, or integer epoch milliseconds.
"""


def page(told: Meanings) -> str:
    """Give the whole page as Markdown."""
    return "\n".join([HEAD, "## Topics\n", TYPES, *topics(told), "## Tables\n", *columns(told)])


def topics(told: Meanings) -> Iterator[str]:
    """Tell of every topic and its fields."""
    for topic in TOPICS.values():
        place = next(place for place in places() if (place.section, place.name) == ("topics", topic.name))
        yield f"### `{topic.name}`\n\n{described(topic)} [JSON Schema](schemas/{topic.name}.json)\n"
        yield "| field | type | needed | meaning | unit | example |\n|---|---|---|---|---|---|"
        yield from _rows_of_topic(topic, place, told)
        yield ""


def columns(told: Meanings) -> Iterator[str]:
    """Tell of every table that readers see and its columns."""
    for table in tables():
        place = Place("tables", table.name, tuple(table.columns))
        yield f"### Table `{table.name}`\n\n{table.meaning}\n"
        yield "| column | type | meaning | unit | example |\n|---|---|---|---|---|"
        for name, kind in table.columns.items():
            yield f"| `{name}` | {kind} | {_said(told.of(place, name))} |"
        yield ""


def _rows_of_topic(topic: Topic, place: Place, told: Meanings) -> Iterator[str]:
    fields = fields_of_topic(topic)
    for field in fields.all:
        some = fields.needs is not None and field.name in fields.needs.fields
        needed = "yes" if field.required else "for some events" if some else ""
        yield f"| `{field.name}` | {TYPE[field.kind]} | {needed} | {_said(told.of(place, field.name))} |"


def _said(meaning: Meaning) -> str:
    example = meaning.example if isinstance(meaning.example, str) else json.dumps(meaning.example)
    example = example.replace("|", "\\|")
    return f"{meaning.means} | {meaning.unit} | `{example}`"


def files() -> Iterator[tuple[Path, str]]:
    """Give every file that is written, with its content."""
    told = meanings()
    yield PAGE, page(told)
    for topic in TOPICS.values():
        yield SCHEMAS / f"{topic.name}.json", schema_text(topic, fields_of_topic(topic), told)


if __name__ == "__main__":
    try:
        written = list(files())
    except GamewaxError as error:
        sys.exit(str(error))
    for path, text in written:
        path.write_text(text, encoding="utf-8")
