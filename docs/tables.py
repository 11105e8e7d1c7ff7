"""The tables that readers see, read from `sinks/ddl`.

Rules: a view's columns take their types from the table of upserts behind it, or it says them itself; a file's
leading comment is what it means, as far as it is for readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DDL = Path(__file__).parents[1] / "sinks" / "ddl"
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\n\((.*?)\n\)", re.DOTALL)
VIEW = re.compile(r"CREATE OR REPLACE VIEW (\w+) AS\nSELECT\n(.*?)\nFROM (\w+) FINAL;", re.DOTALL)
TYPED = re.compile(r"CREATE OR REPLACE VIEW (\w+)\n\((.*?)\n\) AS\n", re.DOTALL)
ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS `?(\w+)`? (.+?)(?: (?:AFTER|DEFAULT) .*)?;")
COLUMN = re.compile(r"^\s*`?(\w+)`?\s+(.+?)(?:\s+(?:DEFAULT|CODEC).*)?,?$")


@dataclass(frozen=True, slots=True)
class Table:
    """One table or view: its file, its meaning, and its columns' types by name."""

    name: str
    file: Path
    meaning: str
    columns: dict[str, str]


def tables() -> Iterator[Table]:
    """Give what each numbered file makes for readers: its view, else its table, with columns added later.

    A view that a later file makes again stands where it was first, with the columns of the last.
    """
    found: dict[str, Table] = {}
    for table in _made(_stored()):
        first = found.get(table.name, table)
        found[table.name] = Table(table.name, first.file, first.meaning, table.columns)
    yield from found.values()


def _stored() -> dict[str, dict[str, str]]:
    """Give the columns of every table that is written, those added later last."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(DDL.glob("[0-9]*.sql"))]
    made = {name: dict(_columns(body)) for text in texts for name, body in TABLE.findall(text)}
    for table, column, kind in (found for text in texts for found in ADDED.findall(text)):
        made[table][column] = kind
    return made


def _made(stored: dict[str, dict[str, str]]) -> Iterator[Table]:
    for file in sorted(DDL.glob("[0-9]*.sql")):
        text = file.read_text(encoding="utf-8")
        hidden = {behind for _, _, behind in VIEW.findall(text)}
        hidden |= {f"{name}_upserts" for name, _ in TYPED.findall(text)}
        for name, chosen, behind in VIEW.findall(text):
            names = [line.strip(" ,`") for line in chosen.splitlines()]
            yield Table(name, file, _meaning(text), {column: stored[behind][column] for column in names})
        for name, body in TYPED.findall(text):
            yield Table(name, file, _meaning(text), dict(_columns(body)))
        for name, _ in TABLE.findall(text):
            if name not in hidden:
                yield Table(name, file, _meaning(text), stored[name])


def _columns(body: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, body.splitlines()):
        found = COLUMN.match(line)
        if found is None:
            raise ValueError(f"not a column: {line}")
        yield found[1], found[2]


def _meaning(text: str) -> str:
    first, _, _ = text.removeprefix("-- ").partition("\n")
    return first
