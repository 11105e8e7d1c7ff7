"""Planted days of game servers: one database, each scenario a game of its own; time is the frontier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

import settings
from embedded.clickhouse import EmbeddedClickHouse
from models.sketch import buckets_of
from sinks.migrations import migrate
from tests.clickhouse_fixture import WRITER, RunningClickHouse

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CLEAN_MIN = 3 * 1440  # of every game's history, before trouble begins
TROUBLE_MIN = 2200  # that it then lasts: longer than any rule needs
SILENT_MIN = 1100  # the same, of games whose servers fall silent
BUCKETS = [int(bucket) for bucket in buckets_of(np.array([40_000_000, 600_000_000]))]


@dataclass(frozen=True)
class Planted:
    """The database, as its writer and as Grafana's reader."""

    writer: Client
    reader: Client
    server: settings.ClickHouse

    def complete_until(self, minute: int) -> datetime:
        """Say that every minute before this one (counted from `BEGIN`) is complete, and no later one."""
        return self.complete_to(BEGIN + timedelta(minutes=minute))

    def complete_to(self, frontier: datetime) -> datetime:
        end, ours = int(frontier.timestamp()), "'server_health', 'server_health'"
        others = f"('server_health', 'by_fleet', 60, {end}, 3, 1, 1), ({ours}, 10, {end}, 3, 1, 1)"
        self.writer.command("TRUNCATE TABLE complete_windows_upserts")
        self.writer.command(
            "INSERT INTO complete_windows_upserts VALUES"
            f" ({ours}, 60, {end - 120}, 3, 1, 1), ({ours}, 60, {end - 60}, 3, 1, 1), {others}"
        )
        return frontier

    def latency(self, game: str, minutes: range, good: int, slow: int) -> None:
        """Plant one server's samples: in each minute so many of 40 and of 600."""
        self.writer.command(
            "INSERT INTO server_health_upserts (game_id, server_id, window_seconds, window_start, samples,"
            " latency_max, latency_buckets, latency_counts, version)"
            f" SELECT '{game}', 's0', 60, {at(minutes.start)} + 60 * number, {good + slow}, 600,"
            f" {BUCKETS}, [{good}, {slow}], 1 FROM numbers({len(minutes)})"
        )

    def beats(self, game: str, minutes: range, servers: range) -> None:
        """Plant that servers were heard in each minute."""
        self.writer.command(
            "INSERT INTO server_health_upserts (game_id, server_id, window_seconds, window_start, samples,"
            " version)"
            f" SELECT '{game}', concat('s', toString({servers.start} + number % {len(servers)})), 60,"
            f" {at(minutes.start)} + 60 * intDiv(number, {len(servers)}), 6, 1"
            f" FROM numbers({len(minutes) * len(servers)})"
        )

    def silent(self, game: str, since: int, servers: range, back: int | None = None) -> None:
        """Plant that servers were last heard in the minute before `since`, and came back in minute `back`."""
        resolved = "NULL" if back is None else f"toDateTime64({at(back)} + 7, 3, 'UTC')"
        self.writer.command(
            "INSERT INTO server_anomalies_upserts (game_id, server_id, metric, time, severity, kind,"
            " anomaly_id, since, resolved_at, version)"
            f" SELECT '{game}', concat('s', toString({servers.start} + number)), 'heartbeat',"
            f" {at(since)} + 20, 'critical', 'missed_heartbeat', concat('{game}', toString(number)),"
            f" {at(since)} - 10, {resolved}, 1 FROM numbers({len(servers)})"
        )


def at(minute: int) -> int:
    return int(BEGIN.timestamp()) + 60 * minute


@pytest.fixture(scope="session")
def planted(clickhouse_server: EmbeddedClickHouse, clickhouse_names: Iterator[int]) -> Iterator[Planted]:
    """All scenarios; tests move the frontier and plant games of their own names beside them."""
    name = f"test_{next(clickhouse_names)}"
    running = RunningClickHouse(clickhouse_server, name)
    server = settings.ClickHouse.model_validate(
        {"url": running.url, "database": name, "user": WRITER[0], "password": WRITER[1]}
    )
    migrate(settings.Settings(clickhouse=server))
    with running.writer() as writer, running.reader() as reader:
        days = Planted(writer, reader, server)
        plant(days)
        yield days
        writer.command(f"DROP DATABASE {name} SYNC")


def plant(days: Planted) -> None:
    whole, before = range(CLEAN_MIN + TROUBLE_MIN), range(CLEAN_MIN)
    trouble = range(CLEAN_MIN, CLEAN_MIN + TROUBLE_MIN)
    days.latency("clean", whole, 1_999, 1)
    for game, good, slow in (("slow_20", 80, 20), ("slow_2", 98, 2)):
        days.latency(game, before, 100, 0)
        days.latency(game, trouble, good, slow)
    days.latency("slow_for_an_hour", before, 100, 0)
    days.latency("slow_for_an_hour", range(CLEAN_MIN, CLEAN_MIN + 60), 80, 20)
    days.latency("slow_for_an_hour", range(CLEAN_MIN + 60, CLEAN_MIN + TROUBLE_MIN), 100, 0)
    days.latency("three_samples", range(CLEAN_MIN, CLEAN_MIN + 3), 0, 1)
    for game, lost, servers in (("silent_20", 2, 10), ("silent_2", 1, 50), ("left", 2, 10)):
        days.beats(game, before, range(lost))
        days.beats(game, range(CLEAN_MIN + SILENT_MIN), range(lost, servers))
        if game != "left":
            days.silent(game, CLEAN_MIN, range(lost))
