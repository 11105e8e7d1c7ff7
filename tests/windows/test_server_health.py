"""Server health by server, fleet and region: any order and any cut give the rows of a plain group-by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.server_health import AGGREGATES
from models.sketch import BUCKET_BITS, buckets_of, quantile
from topics.decode import decode
from topics.server_metrics import TOPIC
from verify.core import Core, Log, Tables
from verify.oracle import Limits, Message, judge
from verify.oracle_servers import MICRO, PERCENTILES, QUANTILES, TABLES, bucket, health, health_by
from windows.plan import Plan

START_MS = 1_700_000_000_000 // 60_000 * 60_000
LIMITS = Limits(lateness_ms=60_000)
PLAN = Plan(
    "server_health", AGGREGATES, LIMITS.sizes_s, LIMITS.lateness_ms, LIMITS.disorder_ms, LIMITS.dedup_offsets
)
BY = {"server_health": "server_id", **TABLES}
NO_COLUMN = {"window_start", "window_seconds", "version"}
Sample = dict[str, Any]
numbers = st.sampled_from([0, 1e-06, 0.1, 33.333333, 250, -4.5]) | st.floats(0, 2_000)
whole = st.sampled_from([0, 1, 64, 2**53 + 1, 2**62])
samples = st.fixed_dictionaries(
    {
        "server_id": st.sampled_from(["s1", "s2", "s3"]),
        "timestamp": st.integers(START_MS, START_MS + 150_000),
        "cpu_load": numbers,
        "memory_usage": numbers,
        "latency": numbers,
    },
    optional={
        "game_id": st.sampled_from(["", "g"]),
        "fleet_id": st.sampled_from(["", "blue", "green"]),
        "region": st.sampled_from(["eu", "\u00e9u", "us"]) | st.none(),
        "players": whole,
        "capacity": whole,
        "tick_ms": numbers,
        "disconnects": st.integers(0, 9),
    },
)
logs = st.lists(st.lists(samples, max_size=40), min_size=2, max_size=2)
Key = tuple[Any, ...]
Rows = dict[str, dict[Key, dict[str, Any]]]


def shown(tables: Tables) -> Rows:
    """Give the rows of all three tables by size, start, game and name."""
    found: Rows = {}
    for table, name in BY.items():
        found[table] = {}
        for row in tables.rows.get(f"{table}_upserts", {}).values():
            start_ms = int(row["window_start"].replace(tzinfo=UTC).timestamp() * 1000)
            key = row["window_seconds"], start_ms, row["game_id"], row[name]
            found[table][key] = {of: row[of] for of in row if of not in {*NO_COLUMN, "game_id", name}}
    return found


def expected(lists: list[list[Sample]]) -> Rows:
    """Give what they must be, by the oracle."""
    given_ = [
        Message(partition, offset, {"game_id": "", **of, "event_time": of["timestamp"]})
        for partition, log in enumerate(lists)
        for offset, of in enumerate(log)
    ]
    judged = judge(given_, LIMITS)
    return {"server_health": health(judged)} | {of: health_by(judged, name) for of, name in TABLES.items()}


def core(lists: list[list[Sample]], tables: Tables) -> Core:
    as_logs = {
        partition: Log([json.dumps(of).encode() for of in log], [START_MS + 10**9] * len(log))
        for partition, log in enumerate(lists)
    }
    return Core(PLAN, partial(decode, TOPIC), as_logs, tables)


def without_percentiles(rows: Mapping[str, Any]) -> Rows:
    return {
        table: {key: {n: of for n, of in row.items() if n not in PERCENTILES} for key, row in found.items()}
        for table, found in rows.items()
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs, st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(1, 30)), max_size=8))
def test_all_three_tables_are_those_of_a_plain_group_by(
    lists: list[list[Sample]], steps: list[tuple[int, int]]
) -> None:
    tables = Tables()
    running = core(lists, tables)
    for partition, many in [*steps, *((number, 9) for _ in range(5) for number in (0, 1))]:
        running.read(partition, many)
        running.pass_time(0.7)
    running.end()
    found, true = shown(tables), expected(lists)
    assert without_percentiles(found) == without_percentiles(true)
    for table, rows in found.items():
        for key, row in rows.items():
            for name in PERCENTILES:
                should = true[table][key][name]
                near = None if should is None else pytest.approx(should, rel=0.010001, abs=5.1e-7)
                assert row[name] == near
                assert row[name] == of_sketch(row, name)


def of_sketch(row: Mapping[str, Any], name: str) -> float | None:
    """Give the percentile of the models' own sketch over a row's buckets."""
    metric, _, percent = name.rpartition("_p")
    keys = np.array(row[f"{metric}_buckets"], np.uint64)
    if not len(keys):
        return None
    return float(quantile(keys, np.array(row[f"{metric}_counts"]), 1, int(percent) / 100)[0])


def test_the_percentile_of_a_fleet_is_that_of_all_its_values_at_once() -> None:
    random = np.random.default_rng(5)
    latency = np.rint(random.lognormal(3, 1.5, 4_000) * MICRO) / MICRO
    lists = [
        [
            sample(f"s{number % 40}", number % 9, latency=value, fleet_id="f", region="eu")
            for number, value in enumerate(half, partition * 2_000)
        ]
        for partition, half in enumerate((latency[:2_000].tolist(), latency[2_000:].tolist()))
    ]
    tables = Tables()
    running = core(lists, tables)
    while running.read(0, 700) or running.read(1, 300):
        pass
    running.end()
    keys, counts = np.unique(buckets_of(np.rint(latency * MICRO).astype(np.int64)), return_counts=True)
    rows = [row for table in TABLES for row in shown(tables)[table].values()]
    assert len(rows) == 4
    for row in rows:
        assert (row["servers"], row["samples"]) == (40, 4_000)
        for percent in QUANTILES["latency"]:
            ordered = np.sort(latency)
            assert row[f"latency_p{percent}"] == quantile(keys, counts, 1, percent / 100)[0]
            assert row[f"latency_p{percent}"] == pytest.approx(ordered[percent * 3_999 // 100], rel=0.01)


def test_the_oracles_buckets_are_the_models() -> None:
    random = np.random.default_rng(3)
    values = np.concatenate(
        (np.arange(-50, 2_000), np.rint(10 ** random.uniform(0, 17.9, 5_000)).astype(np.int64))
    )
    assert buckets_of(values).tolist() == [bucket(value) for value in values.tolist()]
    assert buckets_of(values).max() < 2**BUCKET_BITS <= 2**16


def sample(server: str, second: float, **other: object) -> Sample:
    usual = {"cpu_load": 50, "memory_usage": 60, "latency": 20.0}
    return {"server_id": server, "timestamp": START_MS + int(second * 1000), **usual, **other}


def test_what_no_sample_has_is_null_or_nothing() -> None:
    tables = Tables()
    running = core([[sample("s", 1)], []], tables)
    running.read(0, 1)
    running.end()
    rows = shown(tables)
    absent: dict[str, object] = {
        **dict.fromkeys(("players_avg", "players_max", "capacity", "tick_ms_p50", "tick_ms_p99")),
        "disconnects": 0,
        "fleet_id": "",
        "region": "",
        "tick_ms_buckets": [],
        "tick_ms_counts": [],
    }
    for row in rows["server_health"].values():
        assert {name: row[name] for name in absent} == absent
    assert [len(rows[table]) for table in BY] == [2, 0, 0]


def test_a_late_sample_corrects_its_fleet_and_region() -> None:
    told = {"fleet_id": "blue", "region": "eu"}
    log = [sample("s1", 5, **told), sample("s1", 50, **told), sample("s2", 6, latency=900.0, **told)]
    tables = Tables()
    running = core([log, []], tables)
    running.read(0, 2)
    running.pass_time(2)
    key = 10, START_MS, "", "blue"
    before = shown(tables)["server_health_by_fleet"][key]
    running.read(0, 1)
    running.end()
    after = shown(tables)["server_health_by_fleet"][key]
    assert (before["servers"], before["samples"], before["latency_max"]) == (1, 1, 20.0)
    assert (after["servers"], after["samples"], after["latency_max"]) == (2, 2, 900.0)
    assert without_percentiles(shown(tables)) == without_percentiles(expected([log, []]))
