"""The truth computed apart: sort, judge one by one, group in plain dictionaries.

Rules: shares no code with `windows/`; strings and sets instead of hashes; one pass per partition for the
verdicts and one group-by for the tables, so that it can be read against DESIGN in a minute.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
Row = dict[str, int]
LAST_MS = 2**62  # no time is beyond it


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a log; `event` is None for one that is a dead letter."""

    partition: int
    offset: int
    event: Event | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in seconds, the rest in milliseconds and offsets."""

    sizes_s: tuple[int, ...] = (10, 60)
    lateness_ms: int = 600_000
    disorder_ms: int = 2_000
    dedup_offsets: int = 100_000


@dataclass(slots=True)
class Truth:
    """What the tables must hold: rows by key, late messages, and the books per partition and size."""

    by_level: dict[tuple[int, int, str, str, str], Row] = field(default_factory=dict)
    whole_game: dict[tuple[int, int, str], Row] = field(default_factory=dict)
    late: set[tuple[int, int, int]] = field(default_factory=set)  # size, partition, offset
    books: dict[tuple[int, int], tuple[int, int, int, int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Judged:
    """Which events count, per window size, and what became of all messages."""

    kept: dict[int, list[Event]] = field(default_factory=dict)
    late: set[tuple[int, int, int]] = field(default_factory=set)
    books: dict[tuple[int, int], tuple[int, int, int, int, int]] = field(default_factory=dict)
    why: dict[tuple[int, int, int], tuple[str, int]] = field(default_factory=dict)  # reason, watermark


# Per partition (next_offset, floor) of every committed snapshot: its floor holds from that offset on.
Floors = Mapping[int, Sequence[tuple[int, int]]]


def truth(messages: Iterable[Message], limits: Limits) -> Truth:
    """Judge every message and group the rest as engagement does."""
    judged = judge(messages, limits)
    found = Truth(late=judged.late, books=judged.books)
    for size, events in judged.kept.items():
        _group(found, size, events)
    return found


def judge(messages: Iterable[Message], limits: Limits, floors: Floors | None = None) -> Judged:
    """Judge every message; books are (read, aggregated, late, dead, duplicates) by partition and size."""
    logs: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        logs[message.partition].append(message)
    found = Judged({size: [] for size in limits.sizes_s})
    for partition, log in logs.items():
        for size in limits.sizes_s:
            known = (floors or {}).get(partition, ())
            kept, late, dead, duplicates = _judge(log, size, limits, known)
            found.kept[size] += kept
            found.late |= {(size, partition, offset) for offset in late}
            found.why |= {(size, partition, offset): why for offset, why in late.items()}
            found.books[partition, size] = len(log), len(kept), len(late), dead, duplicates
    return found


def _judge(
    log: list[Message], size_s: int, limits: Limits, floors: Sequence[tuple[int, int]]
) -> tuple[list[Event], dict[int, tuple[str, int]], int, int]:
    kept: list[Event] = []
    late: dict[int, tuple[str, int]] = {}
    dead = duplicates = 0
    newest: int | None = None
    last_seen: dict[str, int] = {}
    for message in sorted(log, key=lambda message: message.offset):
        event = message.event
        if event is None:
            dead += 1
            continue
        event_id, time_ms = event.get("event_id"), event["event_time"]
        known = (
            event_id is not None
            and message.offset - last_seen.get(event_id, -(10**9)) <= limits.dedup_offsets
        )
        end = (time_ms // (size_s * 1000) + 1) * size_s * 1000 if size_s else LAST_MS
        floor = max((of for offset, of in floors if offset <= message.offset), default=-LAST_MS)
        if known:
            duplicates += 1
        elif newest is not None and end + limits.lateness_ms <= newest - limits.disorder_ms:
            late[message.offset] = "beyond_lateness", newest - limits.disorder_ms
        elif end + limits.lateness_ms <= floor:
            late[message.offset] = "idle", floor
        else:
            kept.append(event)
        if event_id is not None:
            last_seen[event_id] = message.offset
        newest = time_ms if newest is None else max(newest, time_ms)
    return kept, late, dead, duplicates


_COUNTED = {
    "moves": "move",
    "interactions": "interaction",
    "level_starts": "level_start",
    "level_completes": "level_complete",
    "level_fails": "level_fail",
}


def _group(found: Truth, size_s: int, events: list[Event]) -> None:
    levels: dict[tuple[int, int, str, str, str], list[Event]] = defaultdict(list)
    games: dict[tuple[int, int, str], list[Event]] = defaultdict(list)
    for event in events:
        start = event["event_time"] // (size_s * 1000) * size_s * 1000
        game = event.get("game_id") or ""
        games[size_s, start, game].append(event)
        if event.get("level_id") is not None:
            levels[size_s, start, game, event["level_id"], event.get("map_id") or ""].append(event)
    for key, group in levels.items():
        counts = {name: sum(of["event_type"] == kind for of in group) for name, kind in _COUNTED.items()}
        players = len({of["player_id"] for of in group})
        found.by_level[key] = {"events": len(group), **counts, "players": players}
    for game_key, group in games.items():
        sessions = {(of["player_id"], of["session_id"]) for of in group if of.get("session_id")}
        found.whole_game[game_key] = {
            "events": len(group),
            "players": len({of["player_id"] for of in group}),
            "sessions": len(sessions),
        }
