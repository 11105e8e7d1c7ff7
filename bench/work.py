"""What the drain benchmarks count, each with its load, its table and its truth.

ENG is `engagement_by_level` at 10 s with distinct players; PLY counts events per player at 10 s, so that
nearly every second event makes a row; KEYS is PLY over more and more players.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import polars as pl

from bench import truth
from bench.load import Load
from models.aggregates import Aggregate, count
from models.engagement import BY_LEVEL

SIZE_S = 10
PLAYER_COUNTS = (
    """CREATE TABLE player_counts_upserts
    (
        game_id String, player_id String, window_seconds UInt32,
        window_start DateTime('UTC') CODEC(Delta, ZSTD(1)), events UInt64, version UInt64
    )
    ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(window_start)
    ORDER BY (game_id, player_id, window_seconds, window_start)
    SETTINGS non_replicated_deduplication_window = 1000""",
    "CREATE VIEW player_counts AS SELECT * EXCEPT (version) FROM player_counts_upserts FINAL",
)


@dataclass(frozen=True, slots=True)
class Work:
    """One aggregate over one load; every event of the load is folded into it.

    `goals`: the least ratio to the bare loop, the most CPU (us an event) and the most memory (MB).
    """

    name: str
    load: Load
    aggregate: Aggregate
    truth: Callable[[Load, int], pl.DataFrame]
    goals: dict[str, float] = field(default_factory=dict)
    tables: tuple[str, ...] = ()


def eng(events: int) -> list[Work]:
    """Engagement by level, without and with event ids (deduplication on)."""
    by_level = replace(BY_LEVEL, where=None)  # every event of the load has a level
    goals = {"ratio": 0.33, "cpu_us": 2.0, "rss_mb": 350.0}
    return [
        Work(name, Load(events, ids), by_level, truth.by_level, goals)
        for name, ids in (("ENG", False), ("ENG+IDS", True))
    ]


def ply(events: int) -> list[Work]:
    """Events per player."""
    return [_by_player("PLY", Load(events, ids=False), {"ratio": 0.30})]


def keys(events: int) -> list[Work]:
    """Events per player, with a thousand to a million players."""
    return [
        _by_player(f"KEYS-{players}", Load(events, ids=False, players=players), {})
        for players in (1_000, 100_000, 1_000_000)
    ]


def _by_player(name: str, load: Load, goals: dict[str, float]) -> Work:
    per_player = Aggregate("player_counts", ("game_id", "player_id"), {"events": count()})
    return Work(name, load, per_player, truth.by_player, goals, PLAYER_COUNTS)


def hour(events: int) -> list[Work]:
    """Events per player over an hour of event time, or as much of it as is asked for."""
    return [_by_player("HOUR", Load(events, ids=False), {"rss_mb": 1024.0})]


WORKS = {"eng": eng, "ply": ply, "keys": keys, "hour": hour}


def named(name: str, events: int) -> Work:
    """Give one work by its name, `ENG+IDS` for example."""
    every = [work for make in WORKS.values() for work in make(events)]
    return next(work for work in every if work.name == name)
