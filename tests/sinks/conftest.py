import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from clickhouse_connect.driver.client import Client

import settings
from embedded.clickhouse import EmbeddedClickHouse
from sinks.clickhouse_client import connect
from sinks.clickhouse_writer import ClickHouseWriter, Pace
from sinks.migrations import migrate

WRITER = {"user": "writer", "password": "w-secret"}
READER = {"user": "reader", "password": "r-secret"}


@dataclass(frozen=True)
class Store:
    """A migrated database on an engine of its own, with what a test needs of it."""

    engine: EmbeddedClickHouse
    server: settings.ClickHouse

    def client(self) -> Client:
        return connect(self.server, self.server.database)

    def writer(self, pace: Pace | None = None) -> ClickHouseWriter:
        return ClickHouseWriter(self.server, monotonic, Random(7), pace)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        client = self.client()
        try:
            return [tuple(row) for row in client.query(query).result_rows]
        finally:
            client.close()


def given(url: str, **other: str) -> settings.ClickHouse:
    return settings.ClickHouse.model_validate({"url": url, **WRITER, **other})


def set_to(server: settings.ClickHouse) -> settings.Settings:
    return settings.Settings(clickhouse=server)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """One engine for all sink tests; a test that stops it starts it again."""
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps({"writer": WRITER, "reader": READER}))
    with EmbeddedClickHouse(folder / "data", credentials=credentials) as running:
        yield running


@pytest.fixture
def store(engine: EmbeddedClickHouse, request: pytest.FixtureRequest) -> Store:
    """A database of this test's own with all tables."""
    name = "t_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)[:50]
    server = given(engine.url, database=name)
    migrate(set_to(server))
    return Store(engine, server)
