"""Pytest plugin: what tests of the embedded engine's HTTP share: one client with a table of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.clickhouse_fixture import WRITER

if TYPE_CHECKING:
    from tests.clickhouse_fixture import RunningClickHouse


@pytest.fixture
def http(clickhouse: RunningClickHouse) -> Iterator[httpx.Client]:
    params = {"database": clickhouse.database}
    with httpx.Client(base_url=clickhouse.url, params=params, auth=WRITER, timeout=60) as client:
        client.post("/", content="CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
        yield client


def rows(http: httpx.Client) -> str:
    return http.post("/", content="SELECT * FROM t ORDER BY a").text


def summary(answer: httpx.Response) -> tuple[int, ...]:
    told = json.loads(answer.headers["X-ClickHouse-Summary"])
    return tuple(int(told[name]) for name in ("read_rows", "written_rows", "result_rows"))
