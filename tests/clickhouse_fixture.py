"""Pytest plugin: one running embedded ClickHouse for the whole session, a fresh database for each test.

`tests/conftest.py` loads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from embedded.clickhouse import EmbeddedClickHouse

WRITER = ("gamewax", "writes'1")
READER = ("grafana", "reads:2")


@dataclass(slots=True)
class RunningClickHouse:
    """Where tests find ClickHouse; `writer` and `reader` give clickhouse-connect's own HTTP clients."""

    server: EmbeddedClickHouse
    database: str = "default"

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def port(self) -> int:
        return self.server.port

    def writer(self, **options: Any) -> Client:
        return self._client(WRITER, options)

    def reader(self, **options: Any) -> Client:
        return self._client(READER, options)

    def _client(self, user: tuple[str, str], options: dict[str, Any]) -> Client:
        asked: dict[str, Any] = {"username": user[0], "password": user[1], "autogenerate_session_id": False}
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, database=self.database, **(asked | options)
        )


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """The process, with a writer and a reader."""
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    credentials = folder / "credentials.json"
    credentials.write_text(
        '{"writer": {"user": "gamewax", "password": "writes\'1"},'
        ' "reader": {"user": "grafana", "password": "reads:2"}}'
    )
    with EmbeddedClickHouse(folder / "data", credentials=credentials) as server:
        yield server


@pytest.fixture(scope="session")
def clickhouse_names() -> Iterator[int]:
    """Numbers for databases, one per test."""
    return count(1)


@pytest.fixture
def clickhouse(
    clickhouse_server: EmbeddedClickHouse, clickhouse_names: Iterator[int]
) -> Iterator[RunningClickHouse]:
    """A running ClickHouse with an empty database of the test's own."""
    running = RunningClickHouse(clickhouse_server)
    name = f"test_{next(clickhouse_names)}"
    with running.writer() as client:
        client.command(f"CREATE DATABASE {name}")
        running.database = name
        yield running
        client.command(f"DROP DATABASE {name} SYNC")
