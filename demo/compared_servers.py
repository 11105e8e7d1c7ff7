"""The rows of server health as the tables show them: by server, by fleet and by region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from demo.cells import measure, whole
from demo.reader import Reader
from simulator.truth_rows import FleetKey, HealthRow, RegionKey, ServerKey, TogetherRow

FIGURES = """samples, cpu_load_avg, cpu_load_max, memory_usage_avg, memory_usage_max,
    latency_avg, latency_p50, latency_p95, latency_p99, latency_max,
    players_avg, players_max, capacity, tick_ms_p50, tick_ms_p99, disconnects"""
SERVERS = f"""
SELECT game_id, toUnixTimestamp(window_start), server_id,
    {FIGURES}, fleet_id, region
FROM server_health WHERE window_seconds = {{size:UInt32}}
"""  # noqa: S608  our own names
FLEETS = f"""
SELECT game_id, toUnixTimestamp(window_start), fleet_id, servers,
    {FIGURES}
FROM server_health_by_fleet WHERE window_seconds = {{size:UInt32}}
"""  # noqa: S608
REGIONS = f"""
SELECT game_id, toUnixTimestamp(window_start), region, servers,
    {FIGURES}
FROM server_health_by_region WHERE window_seconds = {{size:UInt32}}
"""  # noqa: S608
WHOLE = frozenset({"samples", "players_max", "capacity", "disconnects"})
NAMES = tuple(name.strip() for name in FIGURES.split(","))


def by_server(reader: Reader, size: int) -> dict[ServerKey, HealthRow]:
    """Read the rows of one window size.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    return {
        ServerKey(str(game), whole(start), str(server)): HealthRow._make(
            [*figures(cells), str(fleet), str(region)]
        )
        for game, start, server, *cells, fleet, region in reader.rows(SERVERS, {"size": size})
    }


def by_fleet(reader: Reader, size: int) -> dict[FleetKey, TogetherRow]:
    """Read the rows of one window size.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    return {FleetKey(*key): row for key, row in _together(reader, FLEETS, size)}


def by_region(reader: Reader, size: int) -> dict[RegionKey, TogetherRow]:
    """Read the rows of one window size.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    return {RegionKey(*key): row for key, row in _together(reader, REGIONS, size)}


def _together(reader: Reader, sql: str, size: int) -> Iterator[tuple[tuple[str, int, str], TogetherRow]]:
    for game, start, group, servers, *cells in reader.rows(sql, {"size": size}):
        row = TogetherRow._make([whole(servers), *figures(cells)])
        yield (str(game), whole(start), str(group)), row


def figures(cells: Sequence[object]) -> list[int | float]:
    """Give a row's figures with the types that they must have.

    Raises:
        Broken: one is something else, or is missing.

    """
    return [whole(cell) if name in WHOLE else measure(cell) for name, cell in zip(NAMES, cells, strict=True)]
