"""Server health: how loaded each server is and how fast it answers, per window.

Rules: averages and peaks are exact to a millionth; percentiles of latency are within 1 % of the value
at their rank (`models.sketch`). Units are those of the sender (the contract's fields have none).
"""

from __future__ import annotations

from models.aggregates import Aggregate, count, mean, peak, quantile

SERVER_HEALTH = Aggregate(
    table="server_health",
    by=("game_id", "server_id"),
    terms={
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
    },
)
