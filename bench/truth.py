"""The rows that a load must give, by a plain group-by over the generated events: no engine of ours."""

from __future__ import annotations

import polars as pl

from bench.load import TYPES, Load, blocks

COUNTED = {"move": "moves", "interaction": "interactions", "level_start": "level_starts"} | {
    "level_complete": "level_completes",
    "level_fail": "level_fails",
}
KEY = ["window_start", "level_id", "map_id"]


def by_level(load: Load, size_s: int) -> pl.DataFrame:
    """Give `engagement_by_level` of one window size, sorted by its key."""
    size_ms = size_s * 1000
    events = pl.concat(blocks(load)).select(
        (pl.col("time_ms") // size_ms * size_s).alias("window_start"),
        pl.format("level_{}", "level").alias("level_id"),
        pl.format("map_{}", "map").alias("map_id"),
        "event_type",
        "player",
    )
    counts = [(pl.col("event_type") == kind).sum().alias(COUNTED[kind]) for kind in TYPES]
    rows = events.group_by(KEY).agg(
        pl.len().alias("events"), *counts, pl.col("player").n_unique().alias("players")
    )
    return rows.with_columns(pl.exclude(KEY).cast(pl.Int64)).sort(KEY)


def by_player(load: Load, size_s: int) -> pl.DataFrame:
    """Give the events of each player of one window size, sorted by key."""
    window = (pl.col("time_ms") // (size_s * 1000) * size_s).alias("window_start")
    parts = [block.group_by(window, "player").agg(events=pl.len().cast(pl.Int64)) for block in blocks(load)]
    rows = pl.concat(parts).group_by("window_start", "player").agg(pl.col("events").sum())
    named = rows.select("window_start", pl.format("player_{}", "player").alias("player_id"), "events")
    return named.sort("window_start", "player_id")
