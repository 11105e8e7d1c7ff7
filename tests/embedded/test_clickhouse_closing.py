"""Clients that close the connection after each answer get whole answers, small and in pieces."""

from __future__ import annotations

import pytest
from httpx import Client

from tests.clickhouse_fixture import WRITER, RunningClickHouse


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("compression", ["", "gzip"])
def test_an_answer_in_pieces_is_whole(
    clickhouse: RunningClickHouse, connection: str, compression: str
) -> None:
    with Client(base_url=clickhouse.url, auth=WRITER, headers={"Connection": connection}) as http:
        answer = http.post(
            "/",
            params={"enable_http_compression": int(bool(compression))},
            headers={"Accept-Encoding": compression or "identity"},
            content="SELECT number FROM numbers(200000) UNION ALL SELECT 200000 FORMAT TSV",
        )
    assert sorted(map(int, answer.text.split())) == list(range(200_001))
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers.get("Connection", "keep-alive") == connection
