"""What the tables must hold after a story, from the messages and the committed floors and nothing else.

Rules: shares no code with `windows/`: `verify.oracle` judges, plain dictionaries group. A row is named by the
table's key and holds every column; a percentile is right within 1 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from verify.core import KEYS, Tables
from verify.oracle import Event, Floors, Judged, Limits, Message, judge
from verify.oracle_servers import ATTRIBUTES, PERCENTILES, measured
from verify.simulation.kafka import KEY, LOG_ID
from verify.simulation.messages import TIMES, Meant

Row = dict[str, Any]
Sheet = dict[tuple[Any, ...], Row]
ERROR = 0.0101


class Near:
    """A number that is right within 1 %."""

    def __init__(self, true: float) -> None:
        self._true = true

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and abs(other - self._true) <= ERROR * abs(self._true)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"~{self._true}"


@dataclass(frozen=True, slots=True)
class Table:
    """How a table's rows follow from events: its key columns, who counts, and the other columns."""

    name: str
    by: tuple[str, ...]
    takes: Callable[[Event], bool]
    row: Callable[[list[Event]], Row]


def _kinds(events: list[Event]) -> Row:
    names = {"moves": "move", "interactions": "interaction", "level_starts": "level_start",
             "level_completes": "level_complete", "level_fails": "level_fail"}  # fmt: skip
    return {name: sum(of["event_type"] == kind for of in events) for name, kind in names.items()}


def _players(events: list[Event]) -> int:
    return len({of["player_id"] for of in events})


def _sessions(events: list[Event]) -> int:
    return len({(of["player_id"], of["session_id"]) for of in events if of.get("session_id")})


def _measured(events: list[Event]) -> Row:
    found = measured(events)
    near = {name: Near(found[name]) for name in PERCENTILES if found[name] is not None}
    return found | near


def _served(events: list[Event]) -> Row:
    return _measured(events) | {name: max(of.get(name) or "" for of in events) for name in ATTRIBUTES}


def _together(events: list[Event]) -> Row:
    return {"servers": len({of["server_id"] for of in events}), **_measured(events)}


TABLES: Mapping[str, tuple[Table, ...]] = {
    "engagement": (
        Table(
            "engagement_by_level", ("game_id", "level_id", "map_id"),
            lambda of: of.get("level_id") is not None,
            lambda events: {"events": len(events), **_kinds(events), "players": _players(events)},
        ),
        Table(
            "engagement", ("game_id",), lambda _: True,
            lambda events: {
                "events": len(events), "players": _players(events), "sessions": _sessions(events),
            },
        ),
    ),
    "weapon_use": (
        Table(
            "weapon_use_by_guild", ("game_id", "guild_name", "weapon_type"),
            lambda of: of["event_type"] == "weapon_use",
            lambda events: {"uses": len(events), "players": _players(events)},
        ),
    ),
    "purchases": (
        Table(
            "item_sales", ("game_id", "item_id", "currency"), lambda _: True,
            lambda events: {
                "purchases": len(events),
                "revenue": sum(Decimal(of["price"]) for of in events),
                "buyers": _players(events),
            },
        ),
    ),
    "server_health": (
        Table("server_health", ("game_id", "server_id"), lambda _: True, _served),
        Table(
            "server_health_by_fleet", ("game_id", "fleet_id"), lambda of: bool(of.get("fleet_id")), _together
        ),
        Table(
            "server_health_by_region", ("game_id", "region"), lambda of: bool(of.get("region")), _together
        ),
    ),
    "archive": (),
}  # fmt: skip


def true_tables(
    flow: str, topic: str, logs: Sequence[Sequence[Meant]], limits: Limits, floors: Floors
) -> dict[str, Sheet]:
    """Compute every table of a flow."""
    messages = [
        Message(partition, offset, of.event)
        for partition, log in enumerate(logs)
        for offset, of in enumerate(log)
    ]
    judged = judge(messages, limits, floors)
    found = {f"{table.name}_upserts": _rows(table, judged) for table in TABLES[flow]}
    found["late_events_upserts"] = _sheet("late_events_upserts", _late(flow, topic, logs, judged))
    found["dead_letters_upserts"] = _sheet("dead_letters_upserts", _dead(topic, logs))
    found["accounting_upserts"] = _sheet("accounting_upserts", _books(flow, topic, judged))
    if flow == "archive":
        found["player_events_upserts"] = _sheet("player_events_upserts", _raw(topic, logs))
    return {name: sheet for name, sheet in found.items() if sheet}


def _rows(table: Table, judged: Judged) -> Sheet:
    groups: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for size, events in judged.kept.items():
        for event in filter(table.takes, events):
            start = event["event_time"] // (size * 1000) * size * 1000
            groups[size, start, *(event.get(name) or "" for name in table.by)].append(event)
    return _sheet(
        f"{table.name}_upserts",
        (
            {
                "window_seconds": size,
                "window_start": start,
                **dict(zip(table.by, names, strict=True)),
                **table.row(events),
                "version": len(events),
            }
            for (size, start, *names), events in groups.items()
        ),
    )


def _late(flow: str, topic: str, logs: Sequence[Sequence[Meant]], judged: Judged) -> Iterable[Row]:
    for (size, partition, offset), (reason, watermark) in judged.why.items():
        of = logs[partition][offset]
        yield {
            "flow": flow, "window_seconds": size, **_place(topic, partition, offset),
            "event_time": of.event and of.event["event_time"], "watermark": watermark, "reason": reason,
            "raw": of.value,
        }  # fmt: skip


def _dead(topic: str, logs: Sequence[Sequence[Meant]]) -> Iterable[Row]:
    for partition, log in enumerate(logs):
        for offset, of in enumerate(log):
            if of.event is None:
                yield {
                    "reason": of.reason, "path": of.path, **_place(topic, partition, offset), "key": KEY,
                    "raw": of.value or b"", "first_seen": of.arrived_ms, "version": 0,
                }  # fmt: skip


def _books(flow: str, topic: str, judged: Judged) -> Iterable[Row]:
    for (partition, size), (read, aggregated, late, dead, duplicates) in judged.books.items():
        yield {
            "flow": flow, "window_seconds": size, "log": LOG_ID, "topic": topic, "partition": partition,
            "next_offset": read, "read": read, "aggregated": aggregated, "late": late, "dead": dead,
            "duplicates": duplicates, "version": read,
        }  # fmt: skip


def _raw(topic: str, logs: Sequence[Sequence[Meant]]) -> Iterable[Row]:
    for partition, log in enumerate(logs):
        for offset, of in enumerate(log):
            if of.event is not None:
                fields = {name: value for name, value in of.event.items() if name != "event_time"}
                fields |= {"game_id": of.event.get("game_id", ""), TIMES[topic]: of.event["event_time"]}
                yield fields | _place(topic, partition, offset) | {"kafka_time": of.arrived_ms}


def _place(topic: str, partition: int, offset: int) -> Row:
    return {"log": LOG_ID, "topic": topic, "partition": partition, "offset": offset}


def _sheet(table: str, rows: Iterable[Row]) -> Sheet:
    return {tuple(row[name] for name in KEYS[table]): row for row in rows}


def differing(tables: Tables, true: Mapping[str, Sheet]) -> list[str]:
    """Say what is not as it must be; empty when every column of every row is right."""
    found: list[str] = []
    for table in sorted({*tables.rows, *true}):
        names = {name for row in true.get(table, {}).values() for name in row}
        rows = (_shown(row) for row in tables.rows.get(table, {}).values() if row.get("read") != 0)
        shown = _sheet(table, rows)
        for key in sorted(shown.keys() | true.get(table, {}).keys(), key=repr):
            found += _difference(table, key, shown.get(key), true.get(table, {}).get(key), names)
    return found


def _difference(table: str, key: object, shown: Row | None, true: Row | None, names: set[str]) -> list[str]:
    if shown is None or true is None:
        return [f"{table} {key}: {'missing' if shown is None else 'should not be there'}: {true or shown}"]
    wrong = {name: (shown.get(name), true.get(name)) for name in names if shown.get(name) != true.get(name)}
    return [f"{table} {key}: {name} is {is_}, not {should}" for name, (is_, should) in sorted(wrong.items())]


def _shown(row: Row) -> Row:
    return {name: _ms(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _ms(at: datetime) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
