"""The simulator's own counts against two others: plain Python over the bytes, and the flows' decoder."""

import json
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
import pytest

from simulator.batch import Batch
from simulator.plan import KINDS, PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, TOPICS, Plan
from simulator.run import Run, Stop
from simulator.trouble import trouble
from simulator.truth import Truth
from simulator.truth_file import write_truth
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
from tests.simulator.reading import Event, ms, read
from topics.decode import EVENT_TIME, decode
from topics.errors import Broken
from topics.registry import TOPICS as REGISTRY

START_MS = 1_767_225_600_000
TROUBLE = "late=0.05,beyond=0.02,duplicate=0.05,malformed=0.02,skew=0.05,outage,leak,fraud-rings"
COUNT = 60_000
Key = tuple[str | int, ...]


@cache
def sent() -> tuple[dict[str, Batch], Truth]:
    """One run's messages as one batch a topic, and its truth."""
    run = Run(Plan(5, START_MS, 1000, trouble=trouble(TROUBLE)), COUNT, live=False)
    truth = Truth(run.traffic.world)
    parts: dict[str, list[Batch]] = {topic: [] for topic in TOPICS}
    for block in run.blocks(Stop()):
        truth.add(block)
        for batch in block:
            parts[batch.topic].append(batch)
    whole = {
        topic: Batch(
            topic,
            pl.concat(batch.facts for batch in each),
            [],
            [v for b in each for v in b.values],
        )
        for topic, each in parts.items()
    }
    return whole, truth


def groups(topic: str, window_s: int, *names: str) -> dict[Key, list[Event]]:
    """Events as their bytes say it, once each, by game, window start and further fields."""
    batch, seen = sent()[0][topic], set()
    found: dict[Key, list[Event]] = {}
    for value, kind in zip(batch.values, batch.facts["kind"].to_list(), strict=True):
        if KINDS[kind] in {"malformed", "beyond"}:
            continue
        event = read(value)
        if event["event_id"] in seen or not set(names) - {"map_id"} <= event.keys():
            continue
        seen.add(event["event_id"])
        start = ms(event.get("purchase_timestamp", event.get("timestamp", 0))) // 1000 // window_s * window_s
        key: Key = (str(event.get("game_id", "")), start, *(str(event.get(name, "")) for name in names))
        found.setdefault(key, []).append(event)
    return found


@pytest.mark.parametrize("window_s", [10, 60])
def test_level_rows_are_what_the_bytes_say(window_s: int) -> None:
    found = groups(PLAYER_EVENTS, window_s, "level_id", "map_id")
    expected = {LevelKey._make(key): level_row(events) for key, events in found.items()}
    assert sent()[1].engagement_by_level(window_s) == expected
    assert any(key.map_id == "" for key in expected)


def level_row(events: list[Event]) -> LevelRow:
    types = Counter(event["event_type"] for event in events)
    names = ("move", "interaction", "level_start", "level_complete", "level_fail")
    players = len({event["player_id"] for event in events})
    return LevelRow._make([len(events), *(types[name] for name in names), players])


@pytest.mark.parametrize("window_s", [10, 60])
def test_game_rows_are_what_the_bytes_say(window_s: int) -> None:
    expected = {}
    for key, events in groups(PLAYER_EVENTS, window_s).items():
        sessions = {(event["player_id"], event["session_id"]) for event in events if "session_id" in event}
        players = {event["player_id"] for event in events}
        expected[GameKey._make(key)] = GameRow(len(events), len(players), len(sessions))
    assert sent()[1].engagement(window_s) == expected
    assert {key.game_id for key in expected} == {"", "arena", "kart"}


@pytest.mark.parametrize("window_s", [10, 60])
def test_sales_are_what_the_bytes_say_to_the_last_decimal(window_s: int) -> None:
    expected = {}
    for key, events in groups(PURCHASE_EVENTS, window_s, "item_id", "currency").items():
        revenue = sum((Decimal(str(event["price"])) for event in events), Decimal(0))
        buyers = len({event["player_id"] for event in events})
        expected[SaleKey._make(key)] = SaleRow(len(events), revenue, buyers)
    assert sent()[1].item_sales(window_s) == expected
    assert len({key.currency for key in expected}) == 5
    assert any(row.revenue % Decimal("0.01") for row in expected.values())


@pytest.mark.parametrize("window_s", [10, 60])
def test_server_health_is_what_the_bytes_say(window_s: int) -> None:
    found = groups(SERVER_METRICS, window_s, "server_id")
    truth = sent()[1].server_health(window_s)
    expected = {ServerKey._make(key): health_row(events) for key, events in found.items()}
    assert truth.keys() == expected.keys()
    for key, row in truth.items():
        assert row[:-2] == pytest.approx(expected[key][:-2], rel=1e-12)
        assert row[-2:] == expected[key][-2:]


@pytest.mark.parametrize("window_s", [10, 60])
def test_fleets_and_regions_are_what_the_bytes_of_all_their_servers_say(window_s: int) -> None:
    truth = sent()[1]
    for column, key_of, rows in (
        ("fleet_id", FleetKey._make, truth.server_health_by_fleet(window_s)),
        ("region", RegionKey._make, truth.server_health_by_region(window_s)),
    ):
        expected = {
            key_of(key): TogetherRow._make([len({event["server_id"] for event in events}), *figures(events)])
            for key, events in groups(SERVER_METRICS, window_s, column).items()
        }
        assert rows.keys() == expected.keys()
        for key, row in rows.items():
            assert row == pytest.approx(expected[key], rel=1e-12)
        assert max(row.servers for row in rows.values()) > 1


def health_row(events: list[Event]) -> HealthRow:
    (where,) = {(str(event["fleet_id"]), str(event["region"])) for event in events}
    return HealthRow._make([*figures(events), *where])


def figures(events: list[Event]) -> list[int | float]:
    cpu, memory, latency, tick, players = (
        sorted(float(event[name]) for event in events)
        for name in ("cpu_load", "memory_usage", "latency", "tick_ms", "players")
    )
    slow, slow_ticks = (
        [values[(len(values) - 1) * percent // 100] for percent in percents]
        for values, percents in ((latency, (50, 95, 99)), (tick, (50, 99)))
    )
    loads = [fmean(cpu), cpu[-1], fmean(memory), memory[-1], fmean(latency), *slow, latency[-1]]
    room = max(int(event["capacity"]) for event in events)
    lost = sum(int(event["disconnects"]) for event in events)
    return [len(events), *loads, fmean(players), int(players[-1]), room, *slow_ticks, lost]


@pytest.mark.parametrize("topic", TOPICS)
def test_the_flows_decoder_rejects_what_is_malformed_for_that_reason_and_reads_all_else(topic: str) -> None:
    batch, truth = sent()[0][topic], sent()[1]
    arrived_ms = np.full(len(batch), START_MS + 3_600_000, np.int64)
    decoded = decode(REGISTRY[topic], batch.values, arrived_ms)
    reasons = Counter(reject.reason.value for reject in decoded.rejects)
    bad = batch.facts["kind"] == KINDS.index("malformed")
    assert reasons == truth.counts.reasons[topic]
    assert [reject.row for reject in decoded.rejects] == bad.arg_true().to_list()
    assert decoded.frame[EVENT_TIME].to_list() == batch.facts.filter(~bad)["at_ms"].to_list()


def test_every_message_is_counted_by_its_kind() -> None:
    truth = sent()[1]
    assert truth.total == COUNT
    for topic, rows in (
        (PLAYER_EVENTS, [row.events for row in truth.engagement(60).values()]),
        (PURCHASE_EVENTS, [row.purchases for row in truth.item_sales(60).values()]),
        (SERVER_METRICS, [row.samples for row in truth.server_health(60).values()]),
    ):
        kinds = truth.counts.kinds[topic]
        assert sum(rows) == kinds["good"] + kinds["late"]
        assert truth.counts.reasons[topic].total() == kinds["malformed"]


def test_the_truth_file_holds_what_was_planted_and_every_row(tmp_path: Path) -> None:
    truth = sent()[1]
    write_truth(tmp_path / "truth.jsonl", truth)
    facts = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    by_fact = Counter(fact["fact"] for fact in facts)
    assert (by_fact["run"], by_fact["messages"], by_fact["trap"], by_fact["leak"], by_fact["fraud_ring"]) == (
        1,
        3,
        2,
        1,
        2,
    )
    assert by_fact["outage"] >= 1
    rows = Counter((fact["view"], fact["window_seconds"]) for fact in facts if fact["fact"] == "row")
    assert rows == {
        (view, size): len(getattr(truth, view)(size))
        for view in (
            *("engagement_by_level", "engagement", "item_sales"),
            *("server_health", "server_health_by_fleet", "server_health_by_region"),
        )
        for size in (10, 60)
    }
    sale = next(fact for fact in facts if fact.get("view") == "item_sales")
    key = SaleKey(sale["game_id"], ms(sale["window_start"]) // 1000, sale["item_id"], sale["currency"])
    assert str(truth.item_sales(10)[key].revenue.quantize(Decimal("0.0001"))) == sale["revenue"]


def test_a_mistake_in_a_window_size_is_told() -> None:
    with pytest.raises(Broken, match="not by 15 s"):
        sent()[1].engagement(15)
