"""Alarms, incidents, messages and complete windows of the server-health flow, over a kill."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from random import Random

import numpy as np
import pytest

from models.server_alarm import Alarm
from models.server_watch import COLUMNS, ServerWatch
from tests.flow_fixture import World, until
from topics.decode import decode
from topics.server_metrics import TOPIC
from verify.logs import read_back, write
from verify.troubled import Sent
from windows.plan import Plan
from windows.take import Arrivals, fresh_state
from windows.watched import WatchedLane

START_MS = 1_700_000_000_000
SECONDS, SERVERS, PARTITIONS = 600, 16, 4
SPIKES, DIES = 3, 5
SPIKE_S, DEATH_S = 440, 520
ANOMALY = (
    "server_id, metric, kind, toUnixTimestamp64Milli(time), value, score, severity, "
    "toUnixTimestamp64Milli(resolved_at)"
)
FLOW = ("-m", "flows.process", "server_health")

pytestmark = pytest.mark.slow


def samples(from_s: int, to_s: int) -> Iterator[Sent]:
    """Give a sample of each server a second: one's latency leaps for a while, one falls silent."""
    for second in range(from_s, to_s):
        for server in range(SERVERS):
            if server == DIES and second >= DEATH_S:
                continue
            noise = Random(second * 100 + server)
            leap = 40 if server == SPIKES and SPIKE_S <= second < SPIKE_S + 60 else 1
            sample = {
                "server_id": f"server_{server:02d}",
                "fleet_id": "blue",
                "cpu_load": round(50 + noise.gauss(0, 3), 3),
                "memory_usage": round(40 + noise.gauss(0, 1), 3),
                "latency": round((20 + noise.gauss(0, 1)) * leap, 3),
                "timestamp": START_MS + second * 1000 + server,
            }
            yield Sent(server % PARTITIONS, f"server_{server:02d}".encode(), json.dumps(sample).encode())


def expected(world: World) -> list[Alarm]:
    """Watch the servers of the log as it lies there, each partition at once."""
    log = defaultdict(list)
    for message in read_back(world.kafka.bootstrap_servers, TOPIC.name):
        log[message.partition].append(message)
    alarms: list[Alarm] = []
    for partition, messages in log.items():
        plan = Plan("server_health", (), (0,))
        lane = WatchedLane(
            plan, partial(decode, TOPIC), COLUMNS, fresh_state("l", "t", partition, 0), PARTITIONS
        )
        take = lane.take(
            Arrivals(
                [of.value for of in messages],
                np.array([of.offset for of in messages]),
                np.array([of.arrived_ms for of in messages]),
                [of.key for of in messages],
            )
        )
        assert take.events is not None
        alarms += ServerWatch().see(take.events)
    return alarms


def test_alarms_follow_from_the_log_and_are_told_once_over_a_kill(world: World) -> None:
    send = partial(write, world.kafka.bootstrap_servers, TOPIC.name)
    send(samples(0, SPIKE_S + 50))
    with world.started(*FLOW, GAMEWAX_RECOVERY__EPOCH_S="0.3") as flow:
        until(lambda: world.ask("SELECT count() FROM server_anomalies WHERE metric = 'latency'") != [(0,)])
        send(samples(SPIKE_S + 50, 560))
        until(lambda: world.ask("SELECT count() FROM server_anomalies WHERE metric = 'heartbeat'") != [(0,)])
        flow.send_signal(signal.SIGKILL)
    send(samples(560, SECONDS))
    done = world.run("-m", "cli", "run", "server_health", "--drain")
    assert (done.returncode, done.stderr) == (0, "")

    found = world.ask(f"SELECT {ANOMALY} FROM server_anomalies ORDER BY ALL")
    last: dict[str, Alarm] = {alarm.anomaly_id: alarm for alarm in expected(world)}
    assert found == sorted(map(shown, last.values()), key=str) or found == sorted(map(shown, last.values()))
    assert {(row[0], row[1], row[2]) for row in found} >= {
        (f"server_{SPIKES:02d}", "latency", "spike"),
        (f"server_{DIES:02d}", "heartbeat", "missed_heartbeat"),
    }
    (servers,) = world.ask("SELECT groupUniqArrayArray(servers) FROM server_incidents")[0]
    assert {f"server_{SPIKES:02d}", f"server_{DIES:02d}"} <= set(servers)  # type: ignore[call-overload]
    told = [json.loads(of.value or b"") for of in read_back(world.kafka.bootstrap_servers, "fraud-outbox")]
    assert {of["kind"] for of in told} >= {"server.incident"}
    assert {of["id"]: of["body"] for of in told} == {of["id"]: of["body"] for of in reversed(told)}


def test_every_sample_is_accounted_for_in_scoring_and_in_complete_windows(world: World) -> None:
    write(world.kafka.bootstrap_servers, TOPIC.name, samples(0, 130))
    done = world.run("-m", "cli", "run", "server_health", "--drain")
    assert (done.returncode, done.stderr) == (0, "")
    of_metric = "SELECT sum(scored + learning + stale), sum(servers) FROM server_scoring"
    assert world.ask(of_metric) == [(3 * 130 * SERVERS, SERVERS)]
    complete = (
        "SELECT window_start, c.events, h.samples FROM complete_windows c JOIN ("
        "SELECT window_start, sum(samples) AS samples FROM server_health WHERE window_seconds = 10 "
        "GROUP BY window_start) h USING (window_start) "
        "WHERE table_name = 'server_health' AND window_seconds = 10 ORDER BY ALL"
    )
    windows = world.ask(complete)
    assert [row[1] for row in windows] == [row[2] for row in windows] == [10 * SERVERS] * 12


def test_files_are_watched_too_and_tell_nobody(world: World) -> None:
    file = world.folder / "samples.ndjson"
    file.write_bytes(b"\n".join(sent.value or b"" for sent in samples(0, SECONDS)))
    done = world.run("-m", "cli", "run", "server_health", "--from-files", str(file))
    assert done.returncode == 0, done.stderr
    assert (f"server_{SPIKES:02d}", "latency") in world.ask("SELECT server_id, metric FROM server_anomalies")
    assert read_back(world.kafka.bootstrap_servers, "fraud-outbox") == []


def shown(alarm: Alarm) -> tuple[object, ...]:
    resolved_ms = alarm.time_ms if alarm.change == "resolved" else None
    return (
        alarm.server_id,
        alarm.metric,
        str(alarm.kind),
        alarm.opened_ms,
        alarm.value,
        alarm.score,
        alarm.severity,
        resolved_ms,
    )
