"""A flow's process tells the truth about itself: over HTTP, in `pipeline_metrics`, and in its file."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.health_file import endpoints
from sinks.metrics import METRICS
from tests.flow_fixture import PROCESS, TOPIC, World, until
from verify.troubled import troubled

SETTINGS = {
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60",
    "GAMEWAX_HEALTH__AWAY_AFTER_S": "0.5",
    "GAMEWAX_HEALTH__TABLE_EVERY_S": "0.5",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.4",
}
MESSAGES = 4_000
WHO = {("flow", "engagement"), ("process", "0")}
Labels = frozenset[tuple[str, str]]
Found = dict[tuple[str, Labels], float]

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World) -> World:
    world.given |= SETTINGS
    return world


OTHERS = ("gamewax_webhooks_", "gamewax_fraud_", "gamewax_side_")  # what other processes tell


def recovery(world: World) -> Path:
    return world.folder / "recovery"


@contextmanager
def running(world: World) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Start the flow; give its process and a client of its endpoint."""
    with world.started(*PROCESS) as flow:
        until(lambda: [of for of in endpoints(recovery(world)) if of.lives])
        (endpoint,) = endpoints(recovery(world))
        assert (endpoint.flow, endpoint.process, endpoint.pid) == ("engagement", 0, flow.pid)
        with httpx.Client(base_url=endpoint.url, timeout=10) as client:
            yield flow, client


def ready(client: httpx.Client) -> bool:
    return client.get("/readyz").status_code == 200


def reasons(client: httpx.Client) -> list[str]:
    return [json.loads(line)["reason"] for line in client.get("/readyz").text.splitlines() if line != "ok"]


def metrics(client: httpx.Client) -> Found:
    """Give every sample by its name and its labels besides flow and process."""
    return {
        (of.name, frozenset(of.labels.items()) - WHO): of.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for of in family.samples
    }


def test_the_numbers_are_those_of_the_books_everywhere(world: World) -> None:
    world.send(*islice(troubled(1), MESSAGES))
    with running(world) as (flow, client):
        until(lambda: world.place() == MESSAGES)
        until(lambda: ready(client))
        assert client.get("/healthz").text == "ok\n"
        until(lambda: "gamewax_freshness_seconds" in client.get("/metrics").text)
        found = metrics(client)
        assert {name for name, _ in found} == {of.name for of in METRICS if not of.name.startswith(OTHERS)}
        assert of_books(found) == books(world)
        assert lag(found) == {str(partition): 0.0 for partition in range(4)}
        flow.send_signal(signal.SIGTERM)
        assert flow.wait(30) == 0
    assert list(recovery(world).glob("*/health-*")) == []
    assert of_table(world) == books(world)


def of_books(found: Found) -> dict[tuple[object, ...], float]:
    """Give the counted metrics as (metric, partition, window size) -> count."""
    return {
        (name, int(dict(labels)["partition"]), int(dict(labels).get("window_seconds", 0))): value
        for (name, labels), value in found.items()
        if name in COUNTED and dict(labels)["topic"] == TOPIC
    }


COUNTED = {
    "gamewax_messages_read_total": "read",
    "gamewax_dead_letters_total": "dead",
    "gamewax_duplicates_total": "duplicates",
    "gamewax_late_events_total": "late",
    "gamewax_next_offset": "next_offset",
}


def books(world: World) -> dict[tuple[object, ...], float]:
    told: dict[tuple[object, ...], float] = {}
    for metric, column in COUNTED.items():
        sized = "window_seconds" if column == "late" else "0"
        for partition, size, count in world.ask(f"SELECT partition, {sized}, {column} FROM accounting"):
            told[metric, partition, size] = float(str(count))
    return told


def of_table(world: World) -> dict[tuple[object, ...], float]:
    """Give the newest value of the counted metrics in `pipeline_metrics`."""
    rows = world.ask(
        "SELECT metric, partition, window_seconds, argMax(value, time) FROM pipeline_metrics"
        f" WHERE flow = 'engagement' AND process = '0' AND subject = '{TOPIC}' GROUP BY ALL"
    )
    return {(*of[:3],): float(str(of[3])) for of in rows if of[0] in COUNTED}


def lag(found: Found) -> dict[str, float]:
    return {
        dict(labels)["partition"]: value
        for (name, labels), value in found.items()
        if name == "gamewax_lag_messages"
    }


def test_readiness_goes_with_clickhouse_and_comes_back_and_health_stays(world: World) -> None:
    world.send(*islice(troubled(2), MESSAGES))
    with running(world) as (_, client):
        until(lambda: world.place() == MESSAGES)
        until(lambda: ready(client))
        world.clickhouse.kill()
        try:
            world.send(*islice(troubled(3), MESSAGES))
            until(lambda: reasons(client) == ["clickhouse_away"])
            until(lambda: metrics(client)["gamewax_metrics_missed_total", frozenset()] > 0)
            assert (client.get("/readyz").status_code, client.get("/healthz").text) == (503, "ok\n")
        finally:
            world.clickhouse.start()
        until(lambda: world.place() == 2 * MESSAGES)
        until(lambda: ready(client))
        found = metrics(client)
        assert found["gamewax_insert_retries_total", frozenset()] > 0
        assert of_books(found) == books(world)


def test_a_process_that_was_killed_leaves_a_file_that_is_known_as_stale(world: World) -> None:
    with running(world) as (flow, client):
        until(lambda: ready(client))
        (path,) = recovery(world).glob("*/health-*.json")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        flow.kill()
        flow.wait()
        assert [of.lives for of in endpoints(recovery(world))] == [False]
    world.drain()
    assert list(endpoints(recovery(world))) == []
