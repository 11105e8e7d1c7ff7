"""Windows that were snapshot before their table had all its columns go on; others are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from models.aggregates import Aggregate, Term, total
from models.server_health import SERVER_HEALTH, TERMS
from tests.windows.test_server_health import START_MS, sample
from topics.decode import decode
from topics.errors import NeedsOperator
from topics.server_metrics import TOPIC
from verify.core import Core, Log, Snapshot, Tables
from windows.plan import Plan

BEFORE = Aggregate(SERVER_HEALTH.table, SERVER_HEALTH.by, dict([*TERMS.items()][:10]))  # of release 0.1
TOLD = {"players": 7, "capacity": 9, "tick_ms": 5.5, "disconnects": 2, "fleet_id": "blue", "region": "eu"}
SAMPLES = [sample("s", 1, latency=10.0, **TOLD), sample("s", 2, latency=30.0, **TOLD | {"players": 4})]
LOG = Log([json.dumps(of).encode() for of in SAMPLES], [START_MS + 10**6] * 2)


def run(of: Aggregate, count: int, tables: Tables, start: Snapshot | None = None) -> Core:
    """Read so many of the samples into windows of 10 s, from a snapshot if there is one."""
    running = Core(Plan("server_health", (of,), (10,)), partial(decode, TOPIC), {0: LOG}, tables, start)
    running.read(0, count)
    return running


def row(tables: Tables) -> dict[str, Any]:
    (found,) = tables.rows["server_health_upserts"].values()
    return found


def test_columns_that_came_since_count_what_came_since() -> None:
    tables, whole = Tables(), Tables()
    snapshot = run(BEFORE, 1, Tables()).snapshot()
    run(SERVER_HEALTH, 1, tables, snapshot).end()
    run(SERVER_HEALTH, 2, whole).end()
    since = {"players_avg": 4.0, "players_max": 4, "disconnects": 2, "tick_ms_counts": [1]}
    assert row(whole) | since == row(tables)
    assert (row(tables)["samples"], row(tables)["latency_counts"]) == (2, [1, 1])
    assert row(tables)["fleet_id"] == "blue"


def test_rows_of_a_snapshot_without_news_have_nothing_in_columns_that_came_since() -> None:
    tables = Tables()
    core = run(SERVER_HEALTH, 0, tables, run(BEFORE, 1, Tables()).snapshot())
    core.pass_time(2)
    found = row(tables)
    assert (found["samples"], found["latency_p50"]) == (1, pytest.approx(10, rel=0.01))
    assert (found["players_avg"], found["capacity"], found["disconnects"], found["region"]) == (
        None,
        None,
        0,
        "",
    )


@pytest.mark.parametrize(
    "terms",
    [
        {name: term for name, term in TERMS.items() if name != "cpu_load_avg"},
        {"disconnects": TERMS["disconnects"]} | TERMS,
        TERMS | {"latency_avg": total("players")},
    ],
    ids=["a column is gone", "another order", "another meaning"],
)
def test_other_columns_are_refused(terms: dict[str, Term]) -> None:
    snapshot = run(SERVER_HEALTH, 1, Tables()).snapshot()
    with pytest.raises(NeedsOperator, match="was kept for other columns"):
        run(replace(SERVER_HEALTH, terms=terms), 0, Tables(), snapshot)
