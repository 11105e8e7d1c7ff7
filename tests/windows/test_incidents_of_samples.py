"""From samples to incidents: what servers send, cut and interleaved in any way, tells the same incidents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import polars as pl
import pytest

from models.server_watch import COLUMNS, ServerWatch, WatchState
from tests.windows.alarm_logs import END_MS, PLAN, START_MS, Read
from topics.fraud_outbox import Outgoing
from windows.incidents import Alarms, IncidentsLogic

PARTITIONS, SERVERS, SAMPLES, EVERY_MS = 3, 12, 900, 2_000
BAD_FROM, BAD_TO = 600, 700  # samples
SILENT = ("server_03", "server_04", "server_08")


@pytest.fixture(scope="module")
def logs() -> list[pl.DataFrame]:
    """Two troubles: most servers slow down together, three fall silent and come back."""
    chance = random.Random(8)
    rows = [row for number in range(SERVERS) for row in _samples(chance, number)]
    frame = pl.DataFrame(
        rows, schema_overrides={"tick_ms": pl.Float64, "state": pl.String}, infer_schema_length=None
    )
    frame = frame.sort("kafka_time_ms", maintain_order=True)
    return [frame.filter(pl.col("partition") == at).select(COLUMNS) for at in range(PARTITIONS)]


def _samples(chance: random.Random, number: int) -> Iterator[dict[str, object]]:
    server, ahead_ms = f"server_{number:02d}", 200_000 if number == 5 else 0  # one clock is wrong
    for count in range(SAMPLES):
        at_ms = START_MS + count * EVERY_MS + number * 137 + chance.randrange(80)
        if server in SILENT and BAD_FROM <= count < BAD_TO:
            continue
        slow = 400.0 if number % 2 and BAD_FROM + 3 <= count < BAD_TO else 0.0
        yield {
            "partition": number % PARTITIONS,
            "game_id": "",
            "server_id": server,
            "event_time": at_ms + ahead_ms,
            "kafka_time_ms": at_ms + chance.choice((5, 20, 900)),
            "fleet_id": None,
            "region": "eu-west",
            "state": None,
            "cpu_load": 40 + chance.gauss(0, 2),
            "memory_usage": 60 + chance.gauss(0, 1),
            "latency": 30 + chance.gauss(0, 3) + slow,
            "tick_ms": None,
        }


class Saved(NamedTuple):
    """A reader's state as a store holds it."""

    incidents: bytes
    watches: list[bytes]
    at: list[int]


class Reader:
    """Reads all partitions; what it holds may be put away and taken up again."""

    def __init__(self, logs: list[pl.DataFrame]) -> None:
        self.logs, self.told, self.at = logs, Read(), [0] * len(logs)
        self.watches, self.incidents = [ServerWatch() for _ in logs], IncidentsLogic(PLAN, None)

    def read(self, partition: int, rows: int) -> None:
        log, at = self.logs[partition], self.at[partition]
        batch = log[at : at + rows]
        self.at[partition] += batch.height
        watch = self.watches[partition]
        alarms = tuple(watch.see(batch)) if batch.height else ()
        self.tell(Alarms(partition, len(self.logs), watch.seen_ms, 0, alarms))

    def tell(self, alarms: Alarms) -> None:
        self.told.take(list(self.incidents.on_batch([alarms])[0]))

    def saved(self) -> Saved:
        states = [msgspec.msgpack.encode(of.state()) for of in self.watches]
        return Saved(self.incidents.snapshot(), states, list(self.at))

    def begin_anew(self, saved: Saved) -> None:
        states = [msgspec.msgpack.decode(of, type=WatchState) for of in saved.watches]
        self.incidents, self.watches = (
            IncidentsLogic(PLAN, saved.incidents),
            [ServerWatch(of) for of in states],
        )
        self.at = list(saved.at)

    def finish(self) -> Read:
        for partition, watch in enumerate(self.watches):
            assert self.at[partition] == self.logs[partition].height
            self.tell(Alarms(partition, len(self.logs), max(watch.seen_ms, END_MS)))
        return self.told


def content(read: Read) -> tuple[dict[str, object], dict[str, Outgoing]]:
    return dict(read.shown()), read.messages


@pytest.fixture(scope="module")
def whole(logs: list[pl.DataFrame]) -> Read:
    reader = Reader(logs)
    for partition, log in enumerate(logs):
        reader.read(partition, log.height)
    return reader.finish()


def test_what_happened_is_told(whole: Read) -> None:
    found = [(row["servers"], row["kinds"]) for row in whole.shown().values()]
    slow = {f"server_{number:02d}" for number in range(1, SERVERS, 2)}
    assert any(slow - set(SILENT) <= set(servers) for servers, _ in found)
    assert any("missed_heartbeat" in kinds and set(SILENT) <= set(servers) for servers, kinds in found)
    assert all(row["open_alarms"] == 0 for row in whole.shown().values())


@pytest.mark.parametrize("seed", range(6))
def test_any_cut_any_interleaving_and_any_crash_tell_the_same(
    logs: list[pl.DataFrame], whole: Read, seed: int
) -> None:
    chance = random.Random(seed)
    most, reader = chance.choice((40, 300, 2_000)), Reader(logs)
    saved = reader.saved()
    while any(at < log.height for at, log in zip(reader.at, logs, strict=True)):
        reader.read(chance.randrange(PARTITIONS), chance.randrange(1, most))
        if chance.random() < 0.1:
            saved = reader.saved()
        if chance.random() < 0.03:
            reader.begin_anew(saved)
    assert content(reader.finish()) == content(whole)
