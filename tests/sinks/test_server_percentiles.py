"""Percentiles over many servers and windows, merged in SQL by a reader, are those of the models' sketch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from embedded.clickhouse import EmbeddedClickHouse
from models.server_health import BY_FLEET, BY_REGION, SERVER_HEALTH
from models.sketch import buckets_of, quantile
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from tests.sinks.conftest import READER, Store, given, set_to
from topics.decode import schema_of
from topics.server_metrics import TOPIC
from windows.plan import Plan
from windows.rebuild import Rebuilt

PAGE = Path(__file__).parents[2] / "docs" / "server-health.md"
VIEW = "SELECT * FROM server_health_percentiles(since = {}, until = {}, every = {}, by = '{}')"
START = datetime(2026, 1, 1, tzinfo=UTC)
SINCE, UNTIL = "'2026-01-01 00:00:00'", "'2026-01-01 00:10:00'"
SAMPLES, SERVERS = 6_000, 12
LAST_BITS = 1e-15  # of a power, which ClickHouse takes otherwise than numpy
COLUMNS = {  # of the view: metric and rank
    "latency_p50": ("latency", 0.5),
    "latency_p95": ("latency", 0.95),
    "latency_p99": ("latency", 0.99),
    "tick_ms_p50": ("tick_ms", 0.5),
    "tick_ms_p99": ("tick_ms", 0.99),
}


def samples() -> pl.DataFrame:
    """Ten minutes of a few servers; those of the first fleet send no ticks."""
    random = np.random.default_rng(8)
    server = random.integers(0, SERVERS, SAMPLES)
    tick = pl.Series(np.rint(random.lognormal(2, 1, SAMPLES) * 1000) / 1000)
    told = {
        "server_id": [f"s{number}" for number in server.tolist()],
        "fleet_id": [f"f{number % 3}" for number in server.tolist()],
        "region": [("eu", "us")[number % 2] for number in server.tolist()],
        "latency": np.where(server == 1, 0.0, np.rint(random.lognormal(3, 1.5, SAMPLES) * 1000) / 1000 - 2),
        "tick_ms": tick.set(pl.Series(server % 3 == 0), None),
        "cpu_load": np.full(SAMPLES, 50.0),
        "memory_usage": np.full(SAMPLES, 60.0),
        "game_id": [""] * SAMPLES,
        "event_time": int(START.timestamp()) * 1000 + np.sort(random.integers(0, 600_000, SAMPLES)),
    }
    schema = schema_of(TOPIC)
    rest = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in told]
    return pl.DataFrame(told).with_columns(rest).select(pl.col(name).cast(of) for name, of in schema.items())


@pytest.fixture(scope="module")
def store(engine: EmbeddedClickHouse) -> Store:
    """Tables of this module's own that hold the windows of the samples."""
    own = Store(engine, given(engine.url, database="server_percentiles"))
    migrate(set_to(own.server))
    rebuilt = Rebuilt(Plan("server_health", (SERVER_HEALTH, BY_FLEET, BY_REGION)))
    rebuilt.fold(samples())
    writer = own.writer()
    for rows in rebuilt.rows():
        writer.put(rows)
    writer.close()
    return own


@pytest.fixture
def reader(store: Store) -> Iterator[Client]:
    """Somebody who may only read."""
    server = given(store.engine.url, database=store.server.database, **READER)
    with connect(server, server.database) as client:
        yield client


def of_sketch(values: pl.Series, q: float) -> float | None:
    """Give the percentile of the models' sketch over all values at once."""
    if not values.drop_nulls().len():
        return None
    micros = np.rint(values.drop_nulls().to_numpy() * 1e6).astype(np.int64)
    keys, counts = np.unique(buckets_of(micros), return_counts=True)
    return float(quantile(keys, counts, 1, q)[0])


def expected(by: str, every: int) -> dict[tuple[str, datetime], dict[str, Any]]:
    """Give what the view must show."""
    name = {"server": "server_id", "fleet": "fleet_id", "region": "region", "game": "game_id"}[by]
    found = {}
    step_ms = every * 1000 or 600_000
    named = samples().with_columns(pl.col("event_time") // step_ms * step_ms)
    for (of, at_ms), group in named.group_by(name, "event_time"):
        values = {column: of_sketch(group[metric], q) for column, (metric, q) in COLUMNS.items()}
        key = str(of), datetime.fromtimestamp(int(str(at_ms)) / 1000, UTC)
        found[key] = {"samples": group.height, **values}
    return found


def near(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: pytest.approx(of, rel=LAST_BITS, abs=0) if of is not None else None for name, of in row.items()
    }


@pytest.mark.parametrize(
    ("by", "every"), [("server", 10), ("server", 0), ("fleet", 60), ("region", 30), ("game", 600)]
)
def test_the_view_gives_the_percentiles_of_all_values(reader: Client, by: str, every: int) -> None:
    found = {}
    for row in reader.query(VIEW.format(SINCE, UNTIL, every, by)).named_results():
        key = row["name"], row["time"].replace(tzinfo=UTC)
        found[key] = {name: of for name, of in row.items() if name not in {"game_id", "name", "time"}}
    true = expected(by, every)
    assert found.keys() == true.keys()
    assert found == {key: near(row) for key, row in true.items()}
    with pytest.raises(ClickHouseError, match="regin"):
        reader.query(VIEW.format(SINCE, UNTIL, every, "regin"))


def test_the_queries_of_the_page_are_right(reader: Client) -> None:
    by_region, chosen = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    servers = samples().filter(pl.col("server_id").is_in(["s1", "s4", "s5"]))
    assert reader.query(chosen).result_rows == [
        (pytest.approx(of_sketch(servers["latency"], 0.95), rel=LAST_BITS, abs=0),)
    ]
    found = [tuple(row) for row in reader.query(by_region).result_rows]
    assert found == [
        (name, at.replace(tzinfo=None), *near(row).values())
        for (name, at), row in sorted(expected("region", 300).items())
    ]


def test_a_row_from_before_the_new_columns_reads_well(store: Store, reader: Client) -> None:
    with store.client() as client:
        client.command(
            "INSERT INTO server_health_upserts (server_id, window_seconds, window_start, samples) "
            "VALUES ('old', 60, '2025-01-01 00:00:00', 3)"
        )
    added = "players_avg, players_max, capacity, tick_ms_p50, tick_ms_p99, disconnects, fleet_id, region"
    lists = "latency_buckets, latency_counts, tick_ms_buckets, tick_ms_counts"
    row = reader.query(f"SELECT {added}, {lists} FROM server_health WHERE server_id = 'old'").result_rows
    assert row == [(None, None, None, None, None, 0, "", "", [], [], [], [])]
    year = VIEW.format("'2025-01-01 00:00:00'", "'2025-12-31 00:00:00'", 0, "server")
    (merged,) = reader.query(year).named_results()
    assert (merged["name"], merged["samples"], merged["latency_p99"]) == ("old", 3, None)
