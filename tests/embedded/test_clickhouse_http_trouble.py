"""ClickHouse's HTTP under what goes wrong: bad requests, clients that go away, late failures, crowds."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.clickhouse_fixture import WRITER
from tests.clickhouse_http_fixture import rows, summary

if TYPE_CHECKING:
    from tests.clickhouse_fixture import RunningClickHouse


@pytest.mark.parametrize(
    ("params", "content", "code", "status"),
    [
        ({}, b"", "62", 400),
        ({}, b"  \n", "62", 400),
        ({}, b"SELECT * FROM absent", "60", 404),
        ({"nosuch_setting": "1"}, b"SELECT 1", "115", 404),
        ({"database": "absent"}, b"SELECT 1", "81", 404),
        ({}, b"SELECT '\xff'", "62", 400),
        ({"decompress": "1"}, b"SELECT 1", "48", 501),
        ({"max_execution_time": "0.1"}, b"SELECT count() FROM numbers(100000000000)", "159", 408),
        ({}, b"INSERT INTO t FORMAT CSV\n1,a\nx,b\n", "27", 400),
        ({}, b"INSERT INTO absent FORMAT CSV\n1,a\n", "60", 404),
        ({}, b"SELECT " + b"1," * 500_000 + b"1", "62", 400),
        ({}, b"SELECT {p:UInt8}", "456", 500),
    ],
)
def test_a_bad_request_is_answered_as_clickhouse_does(
    http: httpx.Client, params: dict[str, str], content: bytes, code: str, status: int
) -> None:
    answer = http.post("/", params=params, content=content)
    told = (answer.headers["X-ClickHouse-Exception-Code"], answer.status_code, answer.text.split(". ")[0])
    assert told == (code, status, f"Code: {code}")


def test_a_refused_large_insert_leaves_the_connection_usable(http: httpx.Client) -> None:
    answer = http.post(
        "/", params={"query": "INSERT INTO absent FORMAT CSV"}, content=b"1,aaaaaaaa\n" * 3_000_000
    )
    assert (answer.status_code, http.post("/", content="SELECT 1").text) == (404, "1\n")


def test_a_large_query_is_allowed_when_asked_for(http: httpx.Client) -> None:
    content = "SELECT length('" + "x" * 3_000_000 + "')"
    assert http.post("/", params={"max_query_size": "4000000"}, content=content).text == "3000000\n"


def test_the_summary_is_true(http: httpx.Client) -> None:
    insert = http.post("/", content="INSERT INTO t SELECT number, 'x' FROM numbers(1000)")
    read = http.post("/", content="SELECT * FROM t WHERE a < 10")
    inline = http.post("/", content="INSERT INTO t VALUES (1, 'a;b'), (2, ')')")
    assert (summary(insert)[1], summary(read), summary(inline)[1]) == (1000, (1000, 0, 10), 2)


def test_an_insert_whose_client_goes_away_writes_nothing(
    clickhouse: RunningClickHouse, http: httpx.Client
) -> None:
    query = f"INSERT INTO {clickhouse.database}.t FORMAT CSV".replace(" ", "%20")
    head = f"POST /?query={query} HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-User: {WRITER[0]}\r\n"
    head += f"X-ClickHouse-Key: {WRITER[1]}\r\nContent-Length: 1000\r\n\r\n1,a\n2,b\n"
    with socket.create_connection(("127.0.0.1", clickhouse.port)) as gone:
        gone.sendall(head.encode())
        gone.shutdown(socket.SHUT_WR)
        told = gone.makefile("rb").read().decode()
    assert ("X-ClickHouse-Exception-Code: 210" in told, rows(http)) == (True, "")


@pytest.mark.parametrize("name", ["CSV", "Native", "RowBinary"])
def test_a_retried_insert_of_many_blocks_writes_once(http: httpx.Client, name: str) -> None:
    http.post("/", content="ALTER TABLE t MODIFY SETTING non_replicated_deduplication_window = 1000")
    params = {"default_format": name}
    content = http.post(
        "/", params=params, content="SELECT number AS a, 'x' AS b FROM numbers(2500000)"
    ).content
    params = {"query": f"INSERT INTO t FORMAT {name}", "insert_deduplication_token": "one"}
    for step in (len(content), 1_000_003, 77_777):
        pieces = (content[at : at + step] for at in range(0, len(content), step))
        assert summary(http.post("/", params=params, content=pieces))[1] == 2_500_000
    assert http.post("/", content="SELECT count(), sum(a) FROM t").text == "2500000\t3124998750000\n"


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        (", CONSTRAINT small CHECK a < 5) ENGINE = MergeTree ORDER BY a", "469"),
        (
            ") ENGINE = MergeTree ORDER BY a SETTINGS min_free_disk_bytes_to_perform_insert = 1000000000000",
            "243",
        ),
    ],
)
def test_rows_that_could_not_be_written_are_never_acknowledged(
    http: httpx.Client, clause: str, code: str
) -> None:
    http.post("/", content=f"CREATE TABLE full (a UInt64 {clause}").raise_for_status()
    answer = http.post("/", content="INSERT INTO full FORMAT CSV\n7\n")
    assert (answer.headers.get("X-ClickHouse-Exception-Code"), answer.is_error) == (code, True)


def test_an_insert_past_the_memory_bound_goes_through_the_disk(http: httpx.Client) -> None:
    lines = ("7," + "x" * 1000 + "\n") * 1000
    answer = http.post(
        "/", params={"query": "INSERT INTO t FORMAT CSV"}, content=(lines.encode() for _ in range(150))
    )
    assert (summary(answer)[1], http.post("/", content="SELECT count(), sum(length(b)) FROM t").text) == (
        150_000,
        "150000\t150000000\n",
    )


def test_only_loopback_names_are_answered(http: httpx.Client) -> None:
    answers = [
        http.post("/", content="SELECT 1", headers={"Host": name}) for name in ("evil.example", "localhost:1")
    ]
    assert [answer.status_code for answer in answers] == [403, 200]


def test_no_page_of_another_origin_may_read(http: httpx.Client) -> None:
    answer = http.post(
        "/", params={"add_http_cors_header": "1"}, content="SELECT 1", headers={"Origin": "http://x"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_eight_threads_insert_at_once(http: httpx.Client) -> None:
    def insert(thread: int) -> int:
        written = 0
        for batch in range(25):
            lines = "".join(f"{thread * 1_000_000 + batch * 1000 + n},x\n" for n in range(100))
            written += summary(http.post("/", content="INSERT INTO t FORMAT CSV\n" + lines))[1]
        return written

    with ThreadPoolExecutor(8) as pool:
        written = sum(pool.map(insert, range(8)))
    assert (written, http.post("/", content="SELECT count(), uniqExact(a) FROM t").text) == (
        20_000,
        "20000\t20000\n",
    )


FAILS_LATE = "SELECT throwIf(number = 900000, 'half-way') FROM numbers(1000000)"


def test_a_late_failure_has_its_status_when_the_end_is_waited_for(http: httpx.Client) -> None:
    answer = http.post("/", params={"wait_end_of_query": "1"}, content=FAILS_LATE)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


def test_a_late_failure_breaks_a_stream_off(http: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", content=FAILS_LATE)


def test_more_queries_than_the_engine_takes_wait_for_their_turn(http: httpx.Client) -> None:
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: http.post("/", content="SELECT sleep(0.2)").text, range(64)))
    assert answers == ["0\n"] * 64
