"""A watch gives the same alarms for any cut of the log and kept anywhere, and forgets the silent."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.server_alarm import Alarm
from models.server_names import ServerNames
from models.server_watch import COLUMNS, METRICS, ServerWatch

START_MS = 1_700_000_000_000
DAY_MS = 86_400_000
SERVERS, SECONDS = 5, 500


def sample(server: str, time_ms: int, **values: object) -> dict[str, object]:
    game_id, _, server_id = server.rpartition("/")
    given = {"cpu_load": 50.0, "memory_usage": 40.0, "latency": 20.0}
    nothing = dict.fromkeys(COLUMNS)
    at = {"event_time": time_ms, "kafka_time_ms": time_ms + 5}
    return nothing | {"game_id": game_id, "server_id": server_id} | at | given | values


def frame(samples: list[dict[str, object]]) -> pl.DataFrame:
    types: dict[str, type[pl.DataType]] = dict.fromkeys(METRICS, pl.Float64)
    types |= dict.fromkeys(("game_id", "server_id", "fleet_id", "region", "state"), pl.String)
    types |= dict.fromkeys(("event_time", "kafka_time_ms"), pl.Int64)
    return pl.DataFrame(samples, schema_overrides=types).select(COLUMNS)


def day() -> list[dict[str, object]]:
    """Give a log: a leap, a fall silent, a return, a server of another game, a metric that not all send."""
    rows = []
    for second in range(SECONDS):
        for server in range(SERVERS):
            if server == 1 and 250 <= second < 300:
                continue
            noise = Random(second * 10 + server)
            leap = 30 if server == 2 and 300 <= second < 360 else 1
            values = {"latency": (20 + noise.gauss(0, 1)) * leap, "region": "eu"}
            if server == 3:
                values |= {"tick_ms": 16 + noise.gauss(0, 0.1)}
            name = f"{'g/' if server == 4 else ''}s{min(server, 3)}"
            rows.append(sample(name, START_MS + second * 1000 + server, **values))
    return rows


LOG = day()
WHOLE = ServerWatch()
ALARMS = WHOLE.see(frame(LOG))


def key(alarm: Alarm) -> tuple[str, int]:
    return alarm.anomaly_id, alarm.told


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, len(LOG) - 1), max_size=8, unique=True), st.sets(st.integers(0, 8)))
def test_neither_batches_nor_keeping_change_what_is_found(cuts: list[int], kept: set[int]) -> None:
    watch, found = ServerWatch(), []
    edges = [0, *sorted(cuts), len(LOG)]
    for number, (low, high) in enumerate(pairwise(edges)):
        found += watch.see(frame(LOG[low:high]))
        if number in kept:
            watch = ServerWatch(watch.state())
    assert sorted(found, key=key) == sorted(ALARMS, key=key)
    assert watch.verdicts.tolist() == WHOLE.verdicts.tolist()


def test_what_was_planted_is_found_on_the_right_server() -> None:
    told = {(of.game_id, of.server_id, of.metric, str(of.kind), str(of.change)) for of in ALARMS}
    assert told >= {
        ("", "s2", "latency", "spike", "opened"),
        ("", "s1", "heartbeat", "missed_heartbeat", "opened"),
        ("", "s1", "heartbeat", "missed_heartbeat", "resolved"),
    }
    assert {of.region for of in ALARMS} == {"eu"}
    (fell_silent,) = (of for of in ALARMS if of.metric == "heartbeat" and of.change == "opened")
    assert fell_silent.since_ms == START_MS + 249_001
    assert fell_silent.severity == "critical"


def test_every_value_of_every_metric_is_counted_once() -> None:
    sent = sum(row[name] is not None for row in LOG for name in METRICS)
    assert int(WHOLE.verdicts.sum()) == sent


def test_a_restart_that_is_announced_alarms_nobody() -> None:
    rows = [
        sample(
            "s",
            START_MS + second * 1000,
            cpu_load=50 + Random(second).gauss(0, 2) - (45 if cold else 0),
            state=state,
        )
        for second in range(2_000)
        for cold in [1_500 <= second < 1_700]
        for state in ["draining" if 1_490 <= second < 1_510 else "up"]
    ]
    quiet = ServerWatch()
    assert quiet.see(frame(rows)) == []
    unannounced = ServerWatch()
    told = unannounced.see(frame([row | {"state": "up"} for row in rows]))
    assert {of.metric for of in told} == {"cpu_load"}


def test_who_leaves_takes_its_alarms_along() -> None:
    rows = [
        sample("s", START_MS + second * 1000, latency=20 + Random(second).gauss(0, 1) + 500 * (second >= 900))
        for second in range(1_000)
    ]
    last = sample("s", START_MS + 1_000_000, latency=520.0, state="Shutdown")
    watch = ServerWatch()
    opened = watch.see(frame(rows))
    assert {of.anomaly_id for of in opened} == {opened[0].anomaly_id}
    assert str(opened[-1].change) != "resolved"
    (resolved,) = watch.see(frame([last]))
    told = len(opened) + 1
    assert (resolved.anomaly_id, str(resolved.change), resolved.told) == (
        opened[0].anomaly_id,
        "resolved",
        told,
    )
    assert watch.see(frame([last | {"event_time": START_MS + 1_001_000}])) == []


def test_servers_that_were_silent_for_a_day_are_forgotten_and_the_others_are_not() -> None:
    watch = ServerWatch()
    watch.see(frame([sample(f"s{number}", START_MS + number) for number in range(4)]))
    later = START_MS + 2 * DAY_MS
    watch.see(frame([sample("s2", later), sample("new", later + 1)]))
    watch.see(frame([sample("s2", later + 3_700_000), sample("new", later + 3_700_001)]))
    assert sorted(watch.names.names) == [("", "new"), ("", "s2")]
    assert len(ServerWatch(watch.state()).names) == 2


def test_servers_of_two_games_with_one_id_are_two() -> None:
    names = ServerNames()
    games, servers = pl.Series(["", "g", "", "g"]), pl.Series(["s", "s", "s", "t"])
    assert names.numbers(games, servers).tolist() == [0, 1, 0, 2]
    again = ServerNames(names.names)
    assert again.numbers(games.reverse(), servers.reverse()).tolist() == [2, 0, 1, 0]
