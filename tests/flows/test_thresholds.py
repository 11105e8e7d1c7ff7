"""The flow on a real Kafka: after kills exactly the alerts that are due are there, each as the same bytes."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from settings import Kafka
from sources.kafka_client import describe
from tests.flow_fixture import World, until
from tests.flows.threshold_truth import Told, due
from verify.logs import Recorded, read_back, write
from verify.troubled import Sent

FLOW, TOPIC, ALERTS = ("-m", "flows.process", "thresholds"), "server-metrics", "alerts"
DRAIN = ("-m", "cli", "run", "thresholds", "--drain")
LIMITS = {"cpu_load": 90.0, "latency": 250.0}
SETTINGS = {
    "GAMEWAX_THRESHOLDS__CPU_LOAD": "90",
    "GAMEWAX_THRESHOLDS__MEMORY_USAGE": "",
    "GAMEWAX_THRESHOLDS__LATENCY": "250",
}
START_MS, MESSAGES = 1_767_225_600_000, 3_000
BOOKS = "SELECT sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates) FROM accounting"

pytestmark = pytest.mark.slow


def traffic(seed: int, begin_ms: int) -> Iterator[Sent]:
    """Samples of 30 servers, one in 40 no event, one in 20 sent twice, one in 20 out of order."""
    rng = random.Random(seed)
    for at in range(MESSAGES):
        server = rng.randrange(30)
        sample = {"server_id": f"s{server}", "cpu_load": rng.choice([20.5, 90, 90.5, 99])}
        sample |= {"memory_usage": 99, "latency": rng.choice([5, 249.75, 250.25])}
        sample |= {"timestamp": begin_ms + at * 10 - (rng.random() < 0.05) * rng.randrange(20_000)}
        sample |= {"game_id": "dragons"} if server % 7 == 0 else {}
        broken = {"cpu_load": "hot"} if rng.random() < 0.025 else {}
        value = json.dumps(sample | broken).encode()
        for _ in range(1 + (rng.random() < 0.05)):
            yield Sent(server % 4, f"s{server}".encode(), value)


def written(world: World, topic: str) -> list[Recorded]:
    return read_back(world.kafka.bootstrap_servers, topic)


def place(alert: dict[str, Any]) -> tuple[object, ...]:
    return tuple(alert.pop(name) for name in ("log", "topic", "partition", "offset", "time"))


def test_after_kills_exactly_the_alerts_that_are_due_are_there(world: World) -> None:
    kafka, world.given = world.kafka.bootstrap_servers, SETTINGS
    write(kafka, TOPIC, traffic(1, START_MS))
    with world.started(*FLOW, GAMEWAX_RECOVERY__EPOCH_S="30") as flow:
        until(lambda: written(world, ALERTS))
        flow.kill()  # before any snapshot
    first = len(written(world, ALERTS))
    with world.started(*FLOW, GAMEWAX_RECOVERY__EPOCH_S="0.5") as flow:
        until(lambda: len(written(world, ALERTS)) > first)
        write(kafka, TOPIC, traffic(2, START_MS + MESSAGES * 10))
        until(lambda: int(str(world.ask("SELECT sum(read) FROM accounting")[0][0])) > MESSAGES)
        flow.kill()  # some epochs are committed, and one is under way
    write(kafka, TOPIC, traffic(3, START_MS + 2 * MESSAGES * 10))
    ended = world.run(*DRAIN)
    assert (ended.returncode, ended.stderr) == (0, "")

    log = describe(Kafka(bootstrap_servers=kafka), TOPIC).id
    messages = written(world, TOPIC)
    good = [of for of in messages if b'"hot"' not in (of.value or b"")]
    events = [(of, json.loads(of.value or b"")) for of in good]
    samples = [Told(of.partition, of.offset, event["timestamp"], event) for of, event in events]
    alerts, late = due(log, samples, LIMITS)
    found = [json.loads(of.value or b"") for of in written(world, ALERTS)]

    values = defaultdict(set)
    for of in written(world, ALERTS):
        values[json.loads(of.value or b"")["id"]].add((of.key, of.value))
    assert Counter(map(len, values.values())) == {1: len(alerts)}, "an id was sent with other bytes"
    assert len(found) > len(alerts), "nothing was judged twice: the kills came too late"
    where: dict[tuple[object, ...], int] = {
        (log, TOPIC, of.partition, of.offset): event["timestamp"] for of, event in events
    }
    for alert in found:
        *at, time = place(alert)
        seconds, ms = divmod(where[tuple(at)], 1000)
        assert str(time).endswith(f"{seconds % 60:02d}.{ms:03d}Z")
        assert alert == alerts[alert["id"]]
    dead = len(messages) - len(good)
    assert world.ask(BOOKS) == [(len(messages), len(good) - late, late, dead, 0)]
    assert world.ask("SELECT uniqExact(partition, offset) FROM late_events") == [(late,)]
    assert world.ask("SELECT count() FROM dead_letters") == [(dead,)]


def test_what_cannot_be_watched_is_told(world: World) -> None:
    world.given |= dict.fromkeys(SETTINGS, "")
    ended = world.run(*FLOW)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "thresholds watches nothing: set a limit, such as GAMEWAX_THRESHOLDS__CPU_LOAD=95" in ended.stderr
    ended = world.run(*FLOW, GAMEWAX_THRESHOLDS__LATENCY="soon")
    assert (ended.returncode, "setting GAMEWAX_THRESHOLDS__LATENCY:" in ended.stderr) == (2, True)
    world.given = {}
    file = world.folder / "metrics.ndjson"
    file.write_text("{}\n")
    ended = world.run(*DRAIN[:-1], "--from-files", str(file))
    assert (ended.returncode, "thresholds reads Kafka only" in ended.stderr) == (2, True)
