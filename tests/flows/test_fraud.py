"""The flow on a real Kafka and ClickHouse: after kills exactly the alerts that are due, each once by id."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

import pytest

from tests.flow_fixture import World, until
from verify.logs import Recorded, read_back, write
from verify.troubled import Sent

FLOW, TOPIC, OUTBOX = ("-m", "flows.process", "fraud"), "purchase-events", "fraud-outbox"
DRAIN = ("-m", "cli", "run", "fraud", "--drain")
START_MS, PURCHASES, PLAYERS = 1_767_225_600_000, 1_200, 12
LATE_MS = 602_000  # allowed lateness and disorder
MINUTE_MS = 60_000
BOOKS = "SELECT sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates) FROM accounting"
RULES = (  # of a player alone, so that a replay gives the same bytes
    {
        "id": "t_burst",
        "version": 1,
        "when": "player_purchases_1m >= 3",
        "decision": "review",
        "suppress_s": 60,
    },
    {"id": "t_dear", "version": 1, "when": "price > 90", "decision": "block", "suppress_s": 600},
    {"id": "t_shadow", "version": 2, "when": "price < 3", "decision": "block", "shadow": True},
)

pytestmark = pytest.mark.slow


def traffic(seed: int, begin_ms: int) -> Iterator[Sent]:
    """Purchases of few players, one in 40 no event, one in 20 sent twice, one in 30 far too late."""
    rng = random.Random(seed)
    for at in range(PURCHASES):
        player = f"p{rng.randrange(PLAYERS)}"
        event = {
            "player_id": player,
            "item_id": f"i{rng.randrange(5)}",
            "price": rng.randrange(1, 100),
            "currency": "EUR",
            "ip_address": f"10.0.0.{rng.randrange(4)}",
            "event_id": f"{seed}-{at}",
            "purchase_timestamp": begin_ms + at * 2_000 - (rng.random() < 0.03) * 3_600_000,
        }
        if rng.random() < 0.025:
            event["price"] = "dear"
        value = json.dumps(event).encode()
        for _ in range(1 + (rng.random() < 0.05)):
            yield Sent(crc32(player.encode()) % 4, player.encode(), value)


@dataclass
class Due:
    """An alert as it must be, by what the test itself found."""

    decision: str
    first_ms: int
    offsets: list[tuple[int, int]]


def hits(event: dict[str, Any], within: int) -> Iterator[tuple[str, int, int, bool]]:
    """Name the rules that a purchase hits: id, version, window in ms, shadow."""
    if within >= 3:
        yield "t_burst", 1, 60_000, False
    if event["price"] > 90:
        yield "t_dear", 1, 600_000, False
    if event["price"] < 3:
        yield "t_shadow", 2, 3_600_000, True


def due(messages: list[Recorded], live_from_ms: int) -> tuple[dict[str, Due], dict[str, int]]:
    """Give the alerts, and how many messages had which verdict, by looking at every message."""
    alerts: dict[str, Due] = {}
    verdicts: dict[str, int] = defaultdict(int)
    newest: dict[int, int] = defaultdict(int)
    seen: set[tuple[int, str]] = set()
    times: dict[str, list[int]] = defaultdict(list)
    for of in messages:
        event = json.loads(of.value or b"")
        if event["price"] == "dear":
            verdicts["dead"] += 1
            continue
        time_ms, watermark = event["purchase_timestamp"], newest[of.partition]
        newest[of.partition] = max(watermark, time_ms)
        if (of.partition, event["event_id"]) in seen:
            verdicts["duplicates"] += 1
            continue
        seen.add((of.partition, event["event_id"]))
        if time_ms <= watermark - LATE_MS:
            verdicts["late"] += 1
            continue
        verdicts["aggregated"] += 1
        mine = times[event["player_id"]]
        mine.append(max([time_ms, *mine[-1:]]))
        within = sum(earlier > mine[-1] - MINUTE_MS for earlier in mine)
        if of.arrived_ms < live_from_ms:
            continue
        for rule, version, size_ms, _ in hits(event, within):
            start_ms = time_ms // size_ms * size_ms
            named = "\x1f".join((rule, str(version), event["player_id"], str(start_ms), ""))
            alert = alerts.setdefault(sha256(named.encode()).hexdigest()[:32], Due("review", time_ms, []))
            alert.decision = "block" if rule != "t_burst" or event["price"] > 90 else alert.decision
            alert.first_ms = min(alert.first_ms, time_ms)
            alert.offsets.append((of.partition, of.offset))
    return alerts, verdicts


def test_after_kills_exactly_the_alerts_that_are_due_are_there(world: World) -> None:
    kafka = world.kafka.bootstrap_servers
    write(kafka, TOPIC, traffic(1, START_MS))  # nothing of this is judged by the rules that come now
    rules = [(f"{rule['id']}:{rule['version']}".encode(), json.dumps(rule).encode()) for rule in RULES]
    write(kafka, "fraud-rules", [Sent(0, key, value) for key, value in rules])
    live_from_ms = max(of.arrived_ms for of in read_back(kafka, "fraud-rules")) + 1_000
    until(lambda: time.time() * 1_000 > live_from_ms)
    write(kafka, TOPIC, traffic(2, START_MS + PURCHASES * 2_000))
    with world.started(*FLOW, GAMEWAX_RECOVERY__EPOCH_S="30") as flow:
        until(lambda: read_back(kafka, OUTBOX), seconds=150)
        flow.kill()  # before any snapshot
    first = len(read_back(kafka, OUTBOX))
    with world.started(*FLOW, GAMEWAX_RECOVERY__EPOCH_S="0.5") as flow:
        until(lambda: len(read_back(kafka, OUTBOX)) > first)
        write(kafka, TOPIC, traffic(3, START_MS + 2 * PURCHASES * 2_000))
        until(lambda: int(str(world.ask("SELECT sum(read) FROM accounting")[0][0])) > 2 * PURCHASES)
        flow.kill()  # some epochs are committed, and one is under way
    write(kafka, TOPIC, traffic(4, START_MS + 3 * PURCHASES * 2_000))
    ended = world.run(*DRAIN)
    assert (ended.returncode, ended.stderr) == (0, "")

    messages = sorted(read_back(kafka, TOPIC), key=lambda of: (of.partition, of.offset))
    alerts, verdicts = due(messages, live_from_ms)
    rows = world.ask(
        "SELECT alert_id, decision, toUnixTimestamp64Milli(first_event_time), purchases, evidence, shadow "
        "FROM fraud_alerts WHERE startsWith(rule_id, 't_') AND window_start >= '2026-01-01'"
    )
    assert {str(row[0]) for row in rows} == set(alerts)
    for alert_id, decision, first_ms, purchases, evidence, shadow in rows:
        wanted = alerts[str(alert_id)]
        assert (decision == "block") >= (wanted.decision == "block")  # a built-in rule may make it stronger
        assert (first_ms, purchases) == (wanted.first_ms, len(wanted.offsets))
        places = [(of["partition"], of["offset"]) for of in json.loads(str(evidence))]
        assert places == wanted.offsets[:20]
        assert isinstance(shadow, bool)
    books = {"late": 0, "dead": 0, "duplicates": 0} | verdicts
    wanted_books = (len(messages), *(books[name] for name in ("aggregated", "late", "dead", "duplicates")))
    assert world.ask(BOOKS) == [wanted_books]

    bodies = defaultdict(set)
    told = [json.loads(of.value or b"") for of in read_back(kafka, OUTBOX)]
    for message in told:
        bodies[message["id"]].add(message["body"])
    mine = {message["id"] for message in told if message["rule_id"] in {"t_burst", "t_dear"}}
    live = {str(row[0]) for row in rows if not row[5]}
    assert {name for name in mine if "." not in name} == live
    assert all(len(bodies[name]) == 1 for name in mine), "an id was sent with other bytes"
    assert len(told) > len(bodies), "nothing was judged twice: the kills came too late"
    assert not [message for message in told if message["rule_id"] == "t_shadow"]
