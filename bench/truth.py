"""The rows that a load must give, by a plain group-by over the generated events: no engine of ours."""

from __future__ import annotations

import polars as pl

from bench.load import TYPES, Load, Sequel, blocks
from bench.servers import METRICS, ServerLoad

COUNTED = {"move": "moves", "interaction": "interactions", "level_start": "level_starts"} | {
    "level_complete": "level_completes",
    "level_fail": "level_fails",
}
KEY = ["window_start", "level_id", "map_id"]
QUANTILES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}


def by_level(load: Load, size_s: int, first: int | None = None) -> pl.DataFrame:
    """Give `engagement_by_level` of one window size, sorted by its key; bad messages count nowhere.

    Only the `first` messages count, if it is given.
    """
    size_ms = size_s * 1000
    good = pl.col("n") % load.bad_every != 0 if load.bad_every else pl.lit(value=True)
    good &= pl.col("n") < (load.events if first is None else first)
    events = pl.concat(block.filter(good) for block in blocks(load)).select(
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


def by_player(load: Load | Sequel, size_s: int) -> pl.DataFrame:
    """Give the events of each player of one window size, sorted by key."""
    window = (pl.col("time_ms") // (size_s * 1000) * size_s).alias("window_start")
    parts = [block.group_by(window, "player").agg(events=pl.len().cast(pl.Int64)) for block in blocks(load)]
    rows = pl.concat(parts).group_by("window_start", "player").agg(pl.col("events").sum())
    named = rows.select("window_start", pl.format("player_{}", "player").alias("player_id"), "events")
    return named.sort("window_start", "player_id")


def by_server(load: ServerLoad, size_s: int) -> pl.DataFrame:
    """Give `server_health` of one window size, sorted by its key; quantiles are the exact ones at their rank.

    A mean is one division of whole numbers, as exact as a float can be.
    """
    window = (pl.col("time_ms") // (size_s * 1000) * size_s).alias("window_start")
    samples = pl.concat(load.blocks())
    means = [(pl.col(name).sum() / (pl.len() * 1000)).alias(f"{name}_avg") for name in METRICS]
    peaks = [pl.col(name).max().alias(f"{name}_max") for name in METRICS]
    ranked = [
        pl.col("latency").sort().get((q * (pl.len() - 1)).floor().cast(pl.Int64)).alias(name)
        for name, q in QUANTILES.items()
    ]
    rows = samples.group_by(window, "server").agg(
        pl.len().cast(pl.Int64).alias("samples"), *means, *peaks, *ranked
    )
    whole = [*(f"{name}_max" for name in METRICS), *QUANTILES]
    divided = [pl.Series(name, rows[name].to_numpy() / 1000) for name in whole]  # polars multiplies by 0.001
    named = rows.with_columns(pl.format("server_{}", "server").alias("server_id"), *divided).drop("server")
    return named.sort("window_start", "server_id")
