"""What every view must show for the logs of the three topics, computed apart from the flows.

In: a topic's log read back, and the flows' limits. Out: sheets by the views' names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from verify.logs import Recorded
from verify.meaning import Meant, meant, moment
from verify.oracle import Judged, Limits, judge, truth
from verify.oracle_groups import sales
from verify.oracle_servers import TABLES, health, health_by
from verify.sheets import Key, Row, Sheet

FLOW = {"player-events": "engagement", "purchase-events": "purchases", "server-metrics": "server_health"}
RAW = {topic: topic.replace("-", "_") for topic in FLOW}
ARCHIVE = "archive"
BOOKS = ("read", "aggregated", "late", "dead", "duplicates")
NOT_IN_RAW = "event_time"


def true_sheets(topic: str, log: Sequence[Recorded], limits: Limits) -> dict[str, Sheet]:
    """Give all that the views must hold for one topic."""
    read = [meant(topic, of) for of in log]
    judged = judge((of.message() for of in read), limits)
    return {
        **windows(topic, read, judged, limits),
        RAW[topic]: raw_rows(read),
        "dead_letters": dead_letters(topic, read),
        "late_events": late_events(topic, read, judged),
        "accounting": dict(accounting(topic, read, judged)),
    }


def windows(topic: str, read: Sequence[Meant], judged: Judged, limits: Limits) -> dict[str, Sheet]:
    """Give the rows by window; a window by size in seconds and start in epoch ms."""
    if topic == "purchase-events":
        return {"item_sales": sales(judged)}
    if topic == "server-metrics":
        together = {table: health_by(judged, column) for table, column in TABLES.items()}
        return {"server_health": health(judged), **together}
    true = truth((of.message() for of in read), limits)
    return {"engagement_by_level": true.by_level, "engagement": true.whole_game}


def raw_rows(read: Sequence[Meant]) -> Sheet:
    """Give the raw rows by partition and offset, without columns that are empty."""
    return {
        (of.of.partition, of.of.offset): {
            **{name: value for name, value in of.event.items() if name != NOT_IN_RAW},
            "kafka_time": moment(of.of.arrived_ms),
        }
        for of in read
        if of.event is not None
    }


def dead_letters(topic: str, read: Sequence[Meant]) -> Sheet:
    """Give the dead letters by topic, partition and offset."""
    return {
        (topic, of.of.partition, of.of.offset): {
            "reason": of.reason,
            "key": _hex(of.of.key),
            "raw": _hex(of.of.value),
            "first_seen": moment(of.of.arrived_ms),
        }
        for of in read
        if of.event is None
    }


def late_events(topic: str, read: Sequence[Meant], judged: Judged) -> Sheet:
    """Give the late events by flow, window size, topic, partition and offset."""
    at = {(of.of.partition, of.of.offset): of for of in read}
    sheet: dict[Key, Row] = {}
    for size, partition, offset in judged.late:
        of = at[partition, offset]
        event: Mapping[str, Any] = of.event or {}
        sheet[FLOW[topic], size, topic, partition, offset] = {
            "reason": "beyond_lateness",
            "event_time": moment(event["event_time"]),
            "raw": _hex(of.of.value),
        }
    return sheet


def accounting(topic: str, read: Sequence[Meant], judged: Judged) -> Iterator[tuple[Key, Row]]:
    """Give the books by flow, topic, window size and partition; the archive's have no windows."""
    ends: dict[int, int] = {}
    dead: dict[int, int] = {}
    counts: dict[int, int] = {}
    for of in read:
        partition = of.of.partition
        ends[partition] = max(ends.get(partition, 0), of.of.offset + 1)
        dead[partition] = dead.get(partition, 0) + (of.event is None)
        counts[partition] = counts.get(partition, 0) + 1
    for (partition, size), book in judged.books.items():
        yield (
            (FLOW[topic], topic, size, partition),
            {"next_offset": ends[partition], **dict(zip(BOOKS, book, strict=True))},
        )
    for partition, count in counts.items():
        book = count, count - dead[partition], 0, dead[partition], 0
        yield (
            (ARCHIVE, topic, 0, partition),
            {"next_offset": ends[partition], **dict(zip(BOOKS, book, strict=True))},
        )


def accounting_of(flow: str, books: Sheet) -> Sheet:
    """Give only one flow's books."""
    return {key: row for key, row in books.items() if key[0] == flow}


def _hex(content: bytes | None) -> str:
    return (content or b"").hex().upper()
