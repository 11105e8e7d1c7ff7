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
TICKS = {"tick_ms_p50": 0.50, "tick_ms_p99": 0.99}


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
    return _healthy(load, size_s, "server", []).rename({"server": "server_id"})


def by_fleet(load: ServerLoad, size_s: int) -> pl.DataFrame:
    """Give `server_health_by_fleet` of one window size, sorted by its key, of a load with fleets."""
    more = [
        pl.col("server").n_unique().cast(pl.Int64).alias("servers"),
        (pl.col("players").sum() / pl.len()).alias("players_avg"),
        pl.col("players").max().alias("players_max"),
        pl.col("disconnects").sum(),
        *(_ranked("tick_ms", q).alias(name) for name, q in TICKS.items()),
    ]
    rows = _healthy(load, size_s, "fleet", more).rename({"fleet": "fleet_id"})
    return rows.with_columns(pl.Series(name, rows[name].to_numpy() / 1000) for name in TICKS)


def _healthy(load: ServerLoad, size_s: int, name: str, more: list[pl.Expr]) -> pl.DataFrame:
    """Give the figures of each server or fleet by window, and more of them as they are."""
    window = (pl.col("time_ms") // (size_s * 1000) * size_s).alias("window_start")
    means = [(pl.col(metric).sum() / (pl.len() * 1000)).alias(f"{metric}_avg") for metric in METRICS]
    peaks = [pl.col(metric).max().alias(f"{metric}_max") for metric in METRICS]
    ranked = [_ranked("latency", q).alias(column) for column, q in QUANTILES.items()]
    samples = pl.concat(load.blocks()).group_by(window, name)
    rows = samples.agg(pl.len().cast(pl.Int64).alias("samples"), *means, *peaks, *ranked, *more)
    whole = [*(f"{metric}_max" for metric in METRICS), *QUANTILES]
    divided = [
        pl.Series(column, rows[column].to_numpy() / 1000) for column in whole
    ]  # polars multiplies by 0.001
    return rows.with_columns(pl.format(f"{name}_{{}}", name).alias(name), *divided).sort("window_start", name)


def _ranked(metric: str, q: float) -> pl.Expr:
    return pl.col(metric).sort().get((q * (pl.len() - 1)).floor().cast(pl.Int64))
