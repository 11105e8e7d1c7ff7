"""All that the `engagement` flow shows in ClickHouse, as it is and as it must be, in one shape.

Rules: what must be comes from the log read back and from `verify.oracle`, what is comes from plain
SELECTs on the views; both are dictionaries, so that one equality says everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from verify.logs import Recorded
from verify.oracle import Event, Limits, Message, Row, truth
from verify.shown_sheets import shown_sheet


@dataclass(slots=True)
class Views:
    """The views' rows by their keys; a window by size in seconds and start in epoch ms."""

    by_level: dict[tuple[int, int, str, str, str], Row] = field(default_factory=dict)
    whole_game: dict[tuple[int, int, str], Row] = field(default_factory=dict)
    late: dict[tuple[int, int, int], tuple[str, str]] = field(default_factory=dict)
    dead: dict[tuple[int, int], tuple[str, str, str]] = field(default_factory=dict)
    books: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)


def expected(log: Iterable[Recorded], limits: Limits, poison: Mapping[bytes | None, str]) -> Views:
    """Compute what the views must show for a log; `poison` gives the reasons of its dead letters."""
    log = list(log)
    true = truth((_message(of, poison) for of in log), limits)
    at = {(of.partition, of.offset): of for of in log}
    ends = {partition: 0 for partition, _ in at} | {partition: offset + 1 for partition, offset in sorted(at)}
    return Views(
        by_level=true.by_level,
        whole_game=true.whole_game,
        late={key: ("beyond_lateness", _hex(at[key[1:]].value)) for key in true.late},
        dead={
            place: (poison[of.value], _hex(of.key), _hex(of.value))
            for place, of in at.items()
            if of.value in poison
        },
        books={key: (ends[key[0]], *books) for key, books in true.books.items()},
    )


def shown(client: Client) -> Views:
    """Read what the views show."""
    return Views(
        by_level=dict(shown_sheet(client, "engagement_by_level")),
        whole_game=dict(shown_sheet(client, "engagement")),
        late={
            (size, partition, offset): (reason, raw)
            for size, partition, offset, reason, raw in client.query(
                "SELECT window_seconds, partition, offset, reason, hex(raw) FROM late_events"
            ).result_rows
        },
        dead={
            (partition, offset): (reason, key, raw)
            for partition, offset, reason, key, raw in client.query(
                "SELECT partition, offset, reason, hex(key), hex(raw) FROM dead_letters"
            ).result_rows
        },
        books={
            (partition, size): tuple(counts)
            for partition, size, *counts in client.query(
                "SELECT partition, window_seconds, next_offset, read, aggregated, late, dead, duplicates "
                "FROM accounting WHERE read > 0"
            ).result_rows
        },
    )


def _message(of: Recorded, poison: Mapping[bytes | None, str]) -> Message:
    return Message(of.partition, of.offset, None if of.value in poison else _event(of.value))


def _event(value: bytes | None) -> Event:
    event: dict[str, Any] = json.loads(value or b"")
    time = event["timestamp"]
    event["event_time"] = time if isinstance(time, int) else _milliseconds(time)
    return event


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _hex(content: bytes | None) -> str:
    return (content or b"").hex().upper()
