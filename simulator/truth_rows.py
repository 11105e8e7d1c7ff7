"""The rows of the views, as the truth knows them: keys and values by name; times in epoch seconds."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class LevelKey(NamedTuple):
    """Key of `engagement_by_level`."""

    game_id: str
    window_start: int
    level_id: str
    map_id: str


class LevelRow(NamedTuple):
    """Values of `engagement_by_level`."""

    events: int
    moves: int
    interactions: int
    level_starts: int
    level_completes: int
    level_fails: int
    players: int


class GameKey(NamedTuple):
    """Key of `engagement`."""

    game_id: str
    window_start: int


class GameRow(NamedTuple):
    """Values of `engagement`."""

    events: int
    players: int
    sessions: int


class SaleKey(NamedTuple):
    """Key of `item_sales`."""

    game_id: str
    window_start: int
    item_id: str
    currency: str


class SaleRow(NamedTuple):
    """Values of `item_sales`; `revenue` has 4 decimals."""

    purchases: int
    revenue: Decimal
    buyers: int


class ServerKey(NamedTuple):
    """Key of `server_health`."""

    game_id: str
    window_start: int
    server_id: str


class FleetKey(NamedTuple):
    """Key of `server_health_by_fleet`."""

    game_id: str
    window_start: int
    fleet_id: str


class RegionKey(NamedTuple):
    """Key of `server_health_by_region`."""

    game_id: str
    window_start: int
    region: str


class HealthRow(NamedTuple):
    """Values of `server_health`; a quantile q of n values is the one at rank floor(q * (n - 1))."""

    samples: int
    cpu_load_avg: float
    cpu_load_max: float
    memory_usage_avg: float
    memory_usage_max: float
    latency_avg: float
    latency_p50: float
    latency_p95: float
    latency_p99: float
    latency_max: float
    players_avg: float
    players_max: int
    capacity: int
    tick_ms_p50: float
    tick_ms_p99: float
    disconnects: int
    fleet_id: str
    region: str


class TogetherRow(NamedTuple):
    """Values of `server_health_by_fleet` and `server_health_by_region`: as above, over their servers."""

    servers: int
    samples: int
    cpu_load_avg: float
    cpu_load_max: float
    memory_usage_avg: float
    memory_usage_max: float
    latency_avg: float
    latency_p50: float
    latency_p95: float
    latency_p99: float
    latency_max: float
    players_avg: float
    players_max: int
    capacity: int
    tick_ms_p50: float
    tick_ms_p99: float
    disconnects: int
