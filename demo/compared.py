"""Every row of every table against what the simulator knows it sent.

Rules: all columns count; a row that only one side has is wrong. Counts, money, averages and peaks must be
equal to the last bit, percentiles within the sketch's 1 %. *lost* and *double* are events that are missing
in a table, or too many. Of the raw tables only the rows are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from demo.cells import money, whole
from demo.compared_servers import by_fleet, by_region, by_server
from demo.reader import Reader
from demo.streams import ARCHIVE, WINDOWS_S
from simulator.truth import Truth
from simulator.truth_rows import (
    FleetKey,
    GameKey,
    GameRow,
    HealthRow,
    LevelKey,
    LevelRow,
    RegionKey,
    SaleKey,
    SaleRow,
    ServerKey,
    TogetherRow,
)

BY_LEVEL = """
SELECT game_id, toUnixTimestamp(window_start), level_id, map_id,
    events, moves, interactions, level_starts, level_completes, level_fails, players
FROM engagement_by_level WHERE window_seconds = {size:UInt32}
"""
WHOLE_GAME = """
SELECT game_id, toUnixTimestamp(window_start), events, players, sessions
FROM engagement WHERE window_seconds = {size:UInt32}
"""
ITEM_SALES = """
SELECT game_id, toUnixTimestamp(window_start), item_id, currency, purchases, revenue, buyers
FROM item_sales WHERE window_seconds = {size:UInt32}
"""
RAW = """
SELECT 'player-events', count() FROM player_events
UNION ALL SELECT 'purchase-events', count() FROM purchase_events
UNION ALL SELECT 'server-metrics', count() FROM server_metrics
"""
PERCENTILE_ERROR = 0.01
FLOAT_NOISE = 1e-9

PERCENTILES = ("latency_p50", "latency_p95", "latency_p99", "tick_ms_p50", "tick_ms_p99")

Row = LevelRow | GameRow | SaleRow | HealthRow | TogetherRow
KeyT = TypeVar("KeyT", LevelKey, GameKey, SaleKey, ServerKey, FleetKey, RegionKey)


@dataclass(frozen=True, slots=True)
class Compared:
    """One view at one window size against the truth."""

    view: str
    window_s: int
    rows: int
    wrong: int
    lost: int
    double: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of one topic's raw table, and how many there must be."""

    table: str
    rows: int
    must_be: int


def compare(reader: Reader, truth: Truth) -> tuple[Compared, ...]:
    """Compare all views at all window sizes.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    return tuple(each for size in WINDOWS_S for each in compare_size(reader, truth, size))


def compare_size(reader: Reader, truth: Truth, size: int) -> tuple[Compared, ...]:
    """Compare all views at one window size."""
    levels = {
        LevelKey(str(game), whole(start), str(level), str(where)): LevelRow(*map(whole, counts))
        for game, start, level, where, *counts in reader.rows(BY_LEVEL, {"size": size})
    }
    games = {
        GameKey(str(game), whole(start)): GameRow(*map(whole, counts))
        for game, start, *counts in reader.rows(WHOLE_GAME, {"size": size})
    }
    sales = {
        SaleKey(str(game), whole(start), str(item), str(currency)): SaleRow(
            whole(purchases), money(revenue), whole(buyers)
        )
        for game, start, item, currency, purchases, revenue, buyers in reader.rows(ITEM_SALES, {"size": size})
    }
    return (
        against("engagement_by_level", size, levels, truth.engagement_by_level(size)),
        against("engagement", size, games, truth.engagement(size)),
        against("item_sales", size, sales, truth.item_sales(size)),
        against("server_health", size, by_server(reader, size), truth.server_health(size)),
        against("server_health_by_fleet", size, by_fleet(reader, size), truth.server_health_by_fleet(size)),
        against(
            "server_health_by_region", size, by_region(reader, size), truth.server_health_by_region(size)
        ),
    )


def against(view: str, size: int, found: Mapping[KeyT, Row], true: Mapping[KeyT, Row]) -> Compared:
    """Compare what a view shows with what is true.

    >>> here = GameKey("", 0)
    >>> against("engagement", 10, {here: GameRow(5, 2, 2)}, {here: GameRow(6, 2, 2)})
    Compared(view='engagement', window_s=10, rows=1, wrong=1, lost=1, double=0)

    """
    keys = found.keys() | true.keys()
    wrong = [key for key in keys if not agree(found.get(key), true.get(key))]
    missing = [events_of(true.get(key)) - events_of(found.get(key)) for key in wrong]
    lost = sum(count for count in missing if count > 0)
    double = -sum(count for count in missing if count < 0)
    return Compared(view, size, len(keys), len(wrong), lost, double)


def agree(found: Row | None, true: Row | None) -> bool:
    """Tell whether a row says what is true."""
    if not (isinstance(found, HealthRow | TogetherRow) and isinstance(true, HealthRow | TogetherRow)):
        return found == true
    shown, told = found._asdict(), true._asdict()
    close = all(
        abs(shown[name] - told[name]) <= abs(told[name]) * PERCENTILE_ERROR + FLOAT_NOISE
        for name in PERCENTILES
    )
    return close and shown == told | {name: shown[name] for name in PERCENTILES}


def events_of(row: Row | None) -> int:
    """Count a row's events; a row that is not there has none."""
    if isinstance(row, HealthRow | TogetherRow):
        return row.samples
    return row[0] if row else 0


def kept(reader: Reader, truth: Truth) -> tuple[Kept, ...]:
    """Count the raw rows: every message that is an event, also duplicates and late ones.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    rows = {str(topic): whole(count) for topic, count in reader.rows(RAW, {})}
    return tuple(
        Kept(
            topic.replace("-", "_"),
            rows[topic],
            truth.counts.kinds[topic].total() - truth.counts.kinds[topic]["malformed"],
        )
        for topic in ARCHIVE.topics
    )
