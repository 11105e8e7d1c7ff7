"""`item_sales` and `server_health` on real Kafka and ClickHouse, against truths told apart from the flows."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest

from tests.flow_fixture import World
from tests.flows.hostile import Event, Told, metrics, purchase, told
from verify.logs import read_back, write
from verify.oracle import Judged, Limits, Message, judge

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=500)
SETTINGS = {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "500"}
MESSAGES = 12_000
START = "window_seconds, toUnixTimestamp(window_start) * 1000"
Key = tuple[Any, ...]

pytestmark = pytest.mark.slow


def ran(world: World, flow: str, topic: str, messages: list[Told]) -> Judged:
    """Send, run the flow in two pieces, and judge the log that Kafka then holds."""
    world.given |= SETTINGS
    for half in (messages[: MESSAGES // 2], messages[MESSAGES // 2 :]):
        write(world.kafka.bootstrap_servers, topic, [message.sent for message in half])
        done = world.run("-m", "cli", "run", flow, "--drain")
        assert (done.returncode, done.stderr) == (0, "")
    means = {message.sent.value: message.means for message in messages}
    log = read_back(world.kafka.bootstrap_servers, topic)
    return judge((Message(of.partition, of.offset, means[of.value]) for of in log), LIMITS)


def by(judged: Judged, *names: str) -> dict[Key, list[Event]]:
    """Group the events that count by window and names."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for size, events in judged.kept.items():
        for event in events:
            start = event["event_time"] // (size * 1000) * size * 1000
            groups[size, start, *(event[name] for name in names)].append(event)
    return groups


def books(world: World, flow: str) -> dict[tuple[object, object], tuple[object, ...]]:
    rows = world.ask(
        "SELECT partition, window_seconds, read, aggregated, late, dead, duplicates FROM accounting "
        f"WHERE flow = '{flow}' AND read > 0"
    )
    return {(partition, size): tuple(counts) for partition, size, *counts in rows}


def test_sales_are_exact_to_the_last_decimal(world: World) -> None:
    judged = ran(world, "purchases", "purchase-events", list(told(1, MESSAGES, purchase)))
    rows = world.ask(
        f"SELECT {START}, game_id, item_id, currency, purchases, revenue, buyers FROM item_sales"
    )
    assert {row[:5]: row[5:] for row in rows} == {
        key: (len(of), sum(event["price"] for event in of), len({event["player_id"] for event in of}))
        for key, of in by(judged, "game_id", "item_id", "currency").items()
    }
    assert books(world, "purchases") == judged.books
    dead = world.ask("SELECT path, reason, count() FROM dead_letters GROUP BY ALL ORDER BY ALL")
    assert {reason for path, reason, _ in dead if path == "price"} == {
        "field_missing",
        "field_range",
        "field_type",
    }
    assert sum(int(str(count)) for *_, count in dead) == sum(
        book[3] for size, book in judged.books.items() if size[1] == 10
    )


def test_server_health_averages_exactly_and_its_percentiles_are_within_one_percent(world: World) -> None:
    judged = ran(world, "server_health", "server-metrics", list(told(2, MESSAGES, metrics)))
    names = "cpu_load_avg, cpu_load_max, memory_usage_avg, memory_usage_max, latency_avg, latency_max"
    rows = world.ask(f"SELECT {START}, game_id, server_id, samples, {names} FROM server_health")
    groups = by(judged, "game_id", "server_id")
    assert {row[:4]: row[4:] for row in rows} == {key: measured(of) for key, of in groups.items()}
    percentiles = world.ask(
        f"SELECT {START}, game_id, server_id, latency_p50, latency_p95, latency_p99 FROM server_health"
    )
    for *key, p50, p95, p99 in percentiles:
        ordered = sorted(event["latency"] for event in groups[tuple(key)])
        for found, q in ((p50, 0.50), (p95, 0.95), (p99, 0.99)):
            true = ordered[math.floor(q * (len(ordered) - 1))]
            assert found == pytest.approx(true, rel=0.0101, abs=0)
    assert books(world, "server_health") == judged.books


def measured(events: list[Event]) -> tuple[object, ...]:
    """Give samples, then average and largest of each metric: one division of exact sums."""
    found: list[object] = [len(events)]
    for name in ("cpu_load", "memory_usage", "latency"):
        millionths = [round(event[name] * 10**6) for event in events]
        found += [float(Fraction(sum(millionths), len(events) * 10**6)), max(millionths) / 10**6]
    return tuple(found)
