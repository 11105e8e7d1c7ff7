"""The order key of every table, read from `sinks/ddl`: by it an upsert finds the row that it replaces."""

from __future__ import annotations

import re

from sinks.migrations import DDL

ORDERED = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\n.*?ORDER BY \((.*?)\)$", re.DOTALL | re.MULTILINE)
COLUMN = re.compile(r"\w+\b(?!\()")  # not the function around it


def keys() -> dict[str, tuple[str, ...]]:
    """Give the columns of every table's order key."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(DDL.glob("[0-9]*.sql")))
    return {table: tuple(COLUMN.findall(columns)) for table, columns in ORDERED.findall(text)}
