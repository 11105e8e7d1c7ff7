"""Pytest plugin: `world`, a real Kafka and ClickHouse with fresh topics and tables for each test, and the
flow `engagement` as processes of its own, as people start it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions

import settings
from cli.topics import create_topics
from embedded.clickhouse import EmbeddedClickHouse
from embedded.kafka import EmbeddedKafka, client
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from verify.logs import ends, write
from verify.troubled import Sent

ROOT = Path(__file__).resolve().parents[1]
TOPIC, LETTERS = "player-events", "dead-letters"
RENEWED = {
    *(TOPIC, LETTERS, "purchase-events", "server-metrics", "alerts"),
    *("fraud-outbox", "fraud-rules", "fraud-labels", "players"),
}
WRITER = {"user": "writer", "password": "w-secret"}
RUN = ("-m", "cli", "run", "engagement")
PROCESS = ("-m", "flows.process", "engagement")


@dataclass
class World:
    """One test's world; `given` are settings by their environment names."""

    kafka: EmbeddedKafka
    clickhouse: EmbeddedClickHouse
    folder: Path
    database: str
    given: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "GAMEWAX_CLICKHOUSE__URL": self.clickhouse.url,
            "GAMEWAX_CLICKHOUSE__DATABASE": self.database,
            "GAMEWAX_CLICKHOUSE__USER": WRITER["user"],
            "GAMEWAX_CLICKHOUSE__PASSWORD": WRITER["password"],
            "GAMEWAX_RECOVERY__DIR": str(self.folder / "recovery"),
            **self.given,
        }

    def run(self, *words: str, seconds: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these words to its end."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def drain(self, *words: str) -> None:
        """Run `gamewax run engagement --drain`, which must do it without a word."""
        ended = self.run(*RUN, "--drain", *words)
        assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "")

    @contextmanager
    def started(self, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Run Python with these words; at the end the process is gone."""
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def send(self, *messages: Sent) -> None:
        write(self.kafka.bootstrap_servers, TOPIC, messages)

    def client(self) -> Client:
        return connect(self.server, self.database)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with self.client() as client:
            return [tuple(row) for row in client.query(query).result_rows]

    def place(self) -> int:
        """How many messages the books have seen."""
        query = "SELECT sum(next_offset) FROM accounting WHERE window_seconds = 10"
        return int(str(self.ask(query)[0][0]))

    @property
    def server(self) -> settings.ClickHouse:
        return settings.ClickHouse.model_validate(
            {"url": self.clickhouse.url, "database": self.database, **WRITER}
        )

    @cached_property
    def admin(self) -> AdminClient:
        return client(self.kafka.bootstrap_servers)

    def fresh_topics(self, partitions: int = 4) -> None:
        """Delete the topics of the flows and create them again."""
        admin = self.admin
        known = admin.list_topics(timeout=10).topics
        for done in admin.delete_topics([name for name in RENEWED if name in known] or ["none"]).values():
            try:
                done.result(30)
            except KafkaException:
                continue
        until(lambda: not RENEWED & admin.list_topics(timeout=10).topics.keys())
        create_topics(
            settings.Settings(kafka=settings.Kafka(bootstrap_servers=self.kafka.bootstrap_servers)),
            partitions,
        )

    def add_partitions(self, partitions: int) -> None:
        """Make the topic larger, and wait until each partition can be asked."""
        self.admin.create_partitions([NewPartitions(TOPIC, partitions)])[TOPIC].result(30)

        def led() -> bool:
            with suppress(KafkaException):
                return len(ends(self.kafka.bootstrap_servers, TOPIC)) == partitions
            return False

        until(led)

    def migrate(self) -> None:
        migrate(settings.Settings(clickhouse=self.server))


def until(happened: Callable[[], object], seconds: float = 40) -> None:
    """Wait for a condition."""
    give_up_at = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def flow_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker whose topics tests may delete."""
    with EmbeddedKafka(tmp_path_factory.mktemp("flow-kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def flow_clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """An engine that tests may stop."""
    folder: Path = tmp_path_factory.mktemp("flow-clickhouse")
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps({"writer": WRITER}))
    with EmbeddedClickHouse(folder / "data", credentials=credentials) as running:
        yield running


@pytest.fixture(scope="session")
def world_numbers() -> Iterator[int]:
    """Numbers for databases."""
    return count(1)


@pytest.fixture
def world(
    flow_kafka: EmbeddedKafka,
    flow_clickhouse: EmbeddedClickHouse,
    tmp_path: Path,
    world_numbers: Iterator[int],
) -> World:
    """Fresh topics of four partitions, fresh tables, an empty recovery folder."""
    world = World(flow_kafka, flow_clickhouse, tmp_path, f"world_{next(world_numbers)}")
    world.fresh_topics()
    world.migrate()
    return world
