"""What must come of a topic's log: letters, raw rows, late events, books and windows, computed apart.

Rules: verdicts are the independent judge's; grouping is the oracles' of `verify`. A replay of an earlier
message of the same log and partition has that one's letter, and its place as the event's id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from verify.oracle import Judged, Limits, Message, judge
from verify.poison.contract import FIELDS
from verify.poison.judge import Dead, Event
from verify.poison.judge import judge as judge_message
from verify.poison.log import Record
from verify.poison.replayed import Original, original
from verify.poison.values import LAST_MS

Place = tuple[int, int]  # partition, offset
Row = dict[str, Any]
EXTRA = "extra"
DECIMALS = 6  # of a metric in windows; the raw row keeps it as it came


@dataclass(slots=True)
class TopicTruth:
    """All that follows from one topic's log."""

    topic: str
    messages: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    verdicts: dict[Place, str] = field(default_factory=dict)  # `good` or the reason
    letters: dict[Place, Row] = field(default_factory=dict)
    raw: dict[Place, Row] = field(default_factory=dict)
    judged: Judged = field(default_factory=Judged)
    events: list[Message] = field(default_factory=list)


def topic_truth(topic: str, log_id: str, log: Iterable[Record], limits: Limits) -> TopicTruth:
    """Judge a whole log."""
    true = TopicTruth(topic)
    for of in log:
        first = original(topic, log_id, of)
        verdict = judge_message(topic, of.value, of.arrived_ms)
        true.messages += 1
        dead = isinstance(verdict, Dead)
        true.reasons[verdict.reason if isinstance(verdict, Dead) else "good"] += 1
        true.verdicts[of.partition, of.offset] = verdict.reason if isinstance(verdict, Dead) else "good"
        if isinstance(verdict, Dead):
            _add_letter(true.letters, verdict, of, first)
        else:
            true.raw[of.partition, of.offset] = _raw_row(topic, of, verdict)
            if first.replays and "event_id" not in verdict:
                verdict = {**verdict, "event_id": f"replay of {first.offset}"}
            verdict = {
                name: round(value, DECIMALS) if isinstance(value, float) else value
                for name, value in verdict.items()
            }
        true.events.append(Message(of.partition, of.offset, None if dead else verdict))  # type: ignore[arg-type]
    true.judged = judge(true.events, limits)
    return true


def _add_letter(letters: dict[Place, Row], dead: Dead, of: Record, first: Original) -> None:
    place = of.partition, first.offset
    before = letters.get(place)
    if before is None or first.replays >= before["replays"]:
        letters[place] = {
            "reason": dead.reason,
            "path": dead.path,
            "key": of.key or b"",
            "raw": of.value or b"",
            "first_seen": clamped(first.first_seen_ms),
            "replays": first.replays,
        }


def _raw_row(topic: str, of: Record, event: Event) -> Row:
    row: Row = {name: event.get(name) for name in FIELDS[topic]}
    return row | {"kafka_time": clamped(of.arrived_ms), EXTRA: event[EXTRA]}


def clamped(ms: int) -> int:
    """Give a record's time as it is shown: outside 1970-2105 the nearer end."""
    return min(max(ms, 0), LAST_MS)


def books(true: TopicTruth, flow: str) -> dict[tuple[Any, ...], Row]:
    """Give the books of a topic's flow and of the archive, by flow, topic, window size and partition."""
    names = ("read", "aggregated", "late", "dead", "duplicates")
    sheet: dict[tuple[Any, ...], Row] = {
        (flow, true.topic, size, partition): dict(zip(names, book, strict=True))
        for (partition, size), book in true.judged.books.items()
    }
    for (partition, _), (read, _, _, dead, _) in true.judged.books.items():
        book = dict(zip(names, (read, read - dead, 0, dead, 0), strict=True))
        sheet["archive", true.topic, 0, partition] = book
    return sheet


def late_events(true: TopicTruth, flow: str) -> Mapping[tuple[Any, ...], Row]:
    """Give the late events by flow, size, partition and offset."""
    at = {(of.partition, of.offset): of.event or {} for of in true.events}
    return {
        (flow, size, partition, offset): {"event_time": at[partition, offset]["event_time"]}
        for size, partition, offset in true.judged.late
    }
