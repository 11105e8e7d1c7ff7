"""What the views in ClickHouse show, as sheets, and how many rows their tables store for it.

Rules: plain SELECTs on the views, as anyone would write them; the shapes are those of `verify.true_sheets`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from verify.sheets import Key, Row, Sheet
from verify.true_sheets import RAW

WINDOW = "window_seconds, toUnixTimestamp(window_start) * 1000"
PLACE = "topic, partition, offset"


@dataclass(frozen=True, slots=True)
class View:
    """A view of windows: what its key is and its columns, as SQL that gives the true sheet's shape."""

    keys: str
    columns: tuple[str, ...]


HEALTH = (
    *("samples", "cpu_load_avg", "cpu_load_max", "memory_usage_avg", "memory_usage_max"),
    *("latency_avg", "latency_max", "latency_p50", "latency_p95", "latency_p99"),
    *("players_avg", "players_max", "capacity", "tick_ms_p50", "tick_ms_p99", "disconnects"),
    *("latency_buckets", "latency_counts", "tick_ms_buckets", "tick_ms_counts"),
)
VIEWS = {
    "engagement_by_level": View(
        f"{WINDOW}, game_id, level_id, map_id",
        (
            *("events", "moves", "interactions", "level_starts", "level_completes", "level_fails"),
            "players",
        ),
    ),
    "engagement": View(f"{WINDOW}, game_id", ("events", "players", "sessions")),
    "item_sales": View(f"{WINDOW}, game_id, item_id, currency", ("purchases", "revenue", "buyers")),
    "server_health": View(f"{WINDOW}, game_id, server_id", (*HEALTH, "fleet_id", "region")),
    "server_health_by_fleet": View(f"{WINDOW}, game_id, fleet_id", ("servers", *HEALTH)),
    "server_health_by_region": View(f"{WINDOW}, game_id, region", ("servers", *HEALTH)),
    "dead_letters": View(PLACE, ("reason", "hex(key) AS key", "hex(raw) AS raw", "first_seen")),
    "late_events": View(f"flow, window_seconds, {PLACE}", ("reason", "event_time", "hex(raw) AS raw")),
    "accounting": View(
        "flow, topic, window_seconds, partition",
        ("next_offset", "read", "aggregated", "late", "dead", "duplicates"),
    ),
}
WHERE = {"accounting": "WHERE read > 0"}


def shown_sheet(client: Client, view: str, topic: str | None = None) -> Sheet:
    """Read one view; of those that hold all topics only the rows of `topic`, if it is given.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    if view in RAW.values():
        return dict(_raw_rows(client, view))
    of = VIEWS[view]
    names = [column.rpartition(" AS ")[2] for column in of.columns]
    width = len(names)
    where = WHERE.get(view, "WHERE 1") + (" AND topic = {topic:String}" if topic else "")
    found = client.query(
        f"SELECT {of.keys}, {', '.join(of.columns)} FROM {view} {where}",  # noqa: S608  our own names
        parameters={"topic": topic or ""},
    )
    return {
        tuple(row[:-width]): dict(zip(names, map(_aware, row[-width:]), strict=True))
        for row in found.result_rows
    }


def _raw_rows(client: Client, view: str) -> Iterator[tuple[Key, Row]]:
    found = client.query(f"SELECT * EXCEPT (log, topic, ingested_at) FROM {view}")  # noqa: S608
    for row in found.named_results():
        place = row.pop("partition"), row.pop("offset")
        typed = {name: _aware(value) for name, value in row.items() if value is not None}
        yield place, {**typed, "extra": json.loads(row["extra"] or "{}", parse_float=Decimal)}


def stored(client: Client, view: str) -> int:
    """Count the rows that a view's table stores, replays and older versions among them."""
    return int(client.query(f"SELECT count() FROM {view}_upserts").result_rows[0][0])  # noqa: S608


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
