"""Counts servers' reports into the rows that the views of server health must show: by server, fleet, region.

In: facts that count, with `window_start`. Rules: one plain group-by a view. Loads come in thousandths; sums
of them are divided once. A quantile is the value at its rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from simulator.reports import MILLI
from simulator.truth_rows import FleetKey, HealthRow, RegionKey, ServerKey, TogetherRow
from simulator.world import World
from simulator.writing import fleet_of, game_of, region_of

QUANTILES = (("latency", 50), ("latency", 95), ("latency", 99), ("tick_ms", 50), ("tick_ms", 99))


def server_health(facts: pl.DataFrame, world: World) -> dict[ServerKey, HealthRow]:
    """Average, order and compare what each server reports."""
    rows = facts.group_by("window_start", "server").agg(*_counted())
    return {
        ServerKey(game_of(server), start, world.servers.ids[server]): HealthRow._make(
            [*_figures(counted, world.servers.capacity), fleet_of(server), region_of(server)]
        )
        for start, server, *counted in rows.iter_rows()
    }


def by_fleet(facts: pl.DataFrame, world: World) -> dict[FleetKey, TogetherRow]:
    """Do the same for all servers of a fleet."""
    return {FleetKey(*key): row for key, row in _together(facts, world, fleet_of)}


def by_region(facts: pl.DataFrame, world: World) -> dict[RegionKey, TogetherRow]:
    """Do the same for all servers of a region."""
    return {RegionKey(*key): row for key, row in _together(facts, world, region_of)}


def _together(
    facts: pl.DataFrame, world: World, group_of: Callable[[int], str]
) -> Iterator[tuple[tuple[str, int, str], TogetherRow]]:
    """Give game, window and group, and the figures of their servers together."""
    servers = range(world.servers.count)
    game, group = (pl.lit(pl.Series([of(server) for server in servers])) for of in (game_of, group_of))
    keyed = facts.with_columns(game.gather("server").alias("game"), group.gather("server").alias("group"))
    rows = keyed.group_by("game", "window_start", "group").agg(pl.col("server").n_unique(), *_counted())
    for name, start, place, count, *counted in rows.iter_rows():
        yield (name, start, place), TogetherRow._make([count, *_figures(counted, world.servers.capacity)])


def _counted() -> list[pl.Expr]:
    """Count reports; loads in thousandths: polars' division by a scalar is not exact."""
    loads = [pl.col(name).cast(pl.Int64) for name in ("cpu_load", "memory_usage", "latency", "players")]
    both = [each for load in loads for each in (load.sum(), load.max())]
    ranks = [(pl.col(name).cast(pl.Int64).sort(), percent) for name, percent in QUANTILES]
    quantiles = [values.get((pl.len().cast(pl.Int64) - 1) * percent // 100) for values, percent in ranks]
    figures = [pl.len(), *both, *quantiles, pl.col("disconnects").cast(pl.Int64).sum()]
    return [figure.alias(str(place)) for place, figure in enumerate(figures)]


def _figures(counted: list[int], capacity: int) -> list[int | float]:
    """Turn counts into what they stand for, in the order of the views."""
    samples, cpu, most_cpu, memory, most_memory, latency, most_latency, players, most_players, *rest = counted
    *slow, tick, slow_tick, disconnects = rest
    thousands = samples * MILLI
    loads = [cpu / thousands, most_cpu / MILLI, memory / thousands, most_memory / MILLI]
    loads += [latency / thousands, *(value / MILLI for value in slow), most_latency / MILLI]
    full = [players / samples, most_players, capacity]
    return [samples, *loads, *full, tick / MILLI, slow_tick / MILLI, disconnects]
