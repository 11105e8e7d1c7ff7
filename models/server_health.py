"""Server health: how loaded servers are and how fast they answer, per window: by server, fleet and region.

Rules:
- Averages and peaks are exact to a millionth; percentiles are within 1 % of the value at their rank
  (`models.sketch`). Units are those of the sender (the contract's fields have none).
- A row of a fleet or region counts the samples themselves, so its percentiles are those of all values; the
  buckets beside them let any rows be merged further. A sample belongs to the fleet and region that it names.
- What no sample of the window has is null; `disconnects` is then 0, and nothing names no fleet or region.
"""

from __future__ import annotations

import polars as pl

from models.aggregates import (
    Aggregate,
    Term,
    average,
    bucket_counts,
    bucket_numbers,
    count,
    distinct,
    greatest,
    mean,
    peak,
    quantile,
    total,
)

FIRST_BY = ("game_id", "server_id", "fleet_id", "region")
TERMS: dict[str, Term] = {
    "samples": count(),
    "cpu_load_avg": mean("cpu_load"),
    "cpu_load_max": peak("cpu_load"),
    "memory_usage_avg": mean("memory_usage"),
    "memory_usage_max": peak("memory_usage"),
    "latency_avg": mean("latency"),
    "latency_p50": quantile("latency", 0.50),
    "latency_p95": quantile("latency", 0.95),
    "latency_p99": quantile("latency", 0.99),
    "latency_max": peak("latency"),
    "players_avg": average("players"),
    "players_max": greatest("players"),
    "capacity": greatest("capacity"),
    "tick_ms_p50": quantile("tick_ms", 0.50),
    "tick_ms_p99": quantile("tick_ms", 0.99),
    "disconnects": total("disconnects"),
    "latency_buckets": bucket_numbers("latency"),
    "latency_counts": bucket_counts("latency"),
    "tick_ms_buckets": bucket_numbers("tick_ms"),
    "tick_ms_counts": bucket_counts("tick_ms"),
}


def _together(column: str) -> Aggregate:
    """Give the same figures of all servers that name the same group in a column."""
    return Aggregate(
        table=f"server_health_by_{column.removesuffix('_id')}",
        by=("game_id", column),
        terms={"servers": distinct("server_id"), **TERMS},
        where=pl.col(column) != "",
        first_by=FIRST_BY,
    )


SERVER_HEALTH = Aggregate(
    table="server_health",
    by=("game_id", "server_id"),
    terms=TERMS,
    attributes=("fleet_id", "region"),
    first_by=FIRST_BY,
)
BY_FLEET = _together("fleet_id")
BY_REGION = _together("region")
