"""The tables a run left behind, in the oracle's shape."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from verify.core import Tables
from verify.oracle import Truth

Row = dict[str, Any]
BOOKS = ("read", "aggregated", "late", "dead", "duplicates")


def shown(tables: Tables) -> Truth:
    found = Truth()
    for row in _rows(tables, "engagement_by_level"):
        key = _start(row)
        found.by_level[*key, row["game_id"], row["level_id"], row["map_id"]] = _values(row)
    for row in _rows(tables, "engagement"):
        found.whole_game[*_start(row), row["game_id"]] = _values(row)
    for row in _rows(tables, "late_events"):
        found.late.add((row["window_seconds"], row["partition"], row["offset"]))
    for row in _rows(tables, "accounting"):
        found.books[row["partition"], row["window_seconds"]] = tuple(row[name] for name in BOOKS)
    return found


def _rows(tables: Tables, name: str) -> list[Row]:
    return list(tables.rows.get(f"{name}_upserts", {}).values())


def _start(row: Row) -> tuple[int, int]:
    return row["window_seconds"], int(row["window_start"].replace(tzinfo=UTC).timestamp() * 1000)


def _values(row: Row) -> dict[str, int]:
    keys = {"window_seconds", "window_start", "game_id", "level_id", "map_id", "version"}
    return {name: value for name, value in row.items() if name not in keys}
