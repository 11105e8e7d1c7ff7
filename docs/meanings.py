"""What every name means, as `docs/meanings.toml` says; a new field or column needs its entry there.

Rules: a table of raw events has the meanings of its topic; a name that means the same everywhere stands
under `all`. Nothing is left unsaid and nothing is said of what is not there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from docs.tables import tables
from topics.errors import Broken
from topics.fields import fields_of
from topics.registry import TOPICS

FILE = Path(__file__).with_name("meanings.toml")
HINT = (
    'An entry is a line like: uses = { means = "events of type `weapon_use`", unit = "events", example = 12 }'
)


class Meaning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one name means, in which unit, with a value as it may stand there."""

    means: str
    example: str | bool | int | float
    unit: str = ""


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: meanings by name, for all places, for topics and for tables."""

    all: dict[str, Meaning]
    topics: dict[str, dict[str, Meaning]]
    tables: dict[str, dict[str, Meaning]]


@dataclass(frozen=True, slots=True)
class Place:
    """A topic or a table, with its fields or columns."""

    section: str  # `topics` or `tables`
    name: str
    names: tuple[str, ...]


class Meanings:
    """All meanings, each where it belongs."""

    def __init__(self, text: str, places: list[Place]) -> None:
        """Read the meanings of these places.

        Raises:
            Broken: a name has no meaning, or a meaning no name.

        """
        self._told = msgspec.convert(tomllib.loads(text), Told)
        used = {(place, name): self._entry(place, name) for place in places for name in place.names}
        entries = {entry for entry in used.values() if entry is not None}
        faults = [f"{p.section}.{p.name}.{name} has no entry" for (p, name), e in used.items() if e is None]
        faults += [f"{'.'.join(entry)} is the name of nothing" for entry in self._entries() - entries]
        if faults:
            raise Broken(f"docs/{FILE.name}: {'; '.join(sorted(faults))}. {HINT}")

    def of(self, place: Place, name: str) -> Meaning:
        """Tell what a field or column means."""
        entry = self._entry(place, name)
        if entry is None:
            raise Broken(f"{FILE.name}: {place.section}.{place.name}.{name} has no entry")
        return self._sections()[entry[:-1]][entry[-1]]

    def _entry(self, place: Place, name: str) -> tuple[str, ...] | None:
        sections = [(place.section, place.name), ("topics", place.name.replace("_", "-")), ("all",)]
        return next(((*at, name) for at in sections if name in self._sections().get(at, {})), None)

    def _sections(self) -> dict[tuple[str, ...], dict[str, Meaning]]:
        told: dict[tuple[str, ...], dict[str, Meaning]] = {("all",): self._told.all}
        told |= {("topics", name): entries for name, entries in self._told.topics.items()}
        told |= {("tables", name): entries for name, entries in self._told.tables.items()}
        return told

    def _entries(self) -> set[tuple[str, ...]]:
        return {(*at, name) for at, entries in self._sections().items() for name in entries}


def places() -> Iterator[Place]:
    """Give all topics with their fields, then all tables with their columns."""
    for topic in TOPICS.values():
        if topic.event is not None:
            yield Place("topics", topic.name, tuple(field.name for field in fields_of(topic.event).all))
    for table in tables():
        yield Place("tables", table.name, tuple(table.columns))


def meanings() -> Meanings:
    """Read the file for all that there is."""
    return Meanings(FILE.read_text(encoding="utf-8"), list(places()))
