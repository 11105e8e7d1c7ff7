"""Who may ask the embedded ClickHouse, and what a reader may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.clickhouse_fixture import READER, WRITER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clickhouse_fixture import RunningClickHouse


def read(clickhouse: RunningClickHouse, sql: str, **params: str) -> httpx.Response:
    asked = {"database": clickhouse.database} | params
    return httpx.post(clickhouse.url, params=asked, content=sql, auth=READER, timeout=60)


@pytest.mark.parametrize(
    "given",
    [
        {"auth": WRITER},
        {"headers": {"X-ClickHouse-User": WRITER[0], "X-ClickHouse-Key": WRITER[1]}},
        {"params": {"user": WRITER[0], "password": WRITER[1]}},
    ],
)
def test_each_way_to_give_a_password_works(clickhouse: RunningClickHouse, given: dict[str, object]) -> None:
    assert httpx.post(clickhouse.url, content="SELECT 1", **given).text == "1\n"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"auth": (WRITER[0], "")},
        {"auth": (WRITER[0], READER[1])},
        {"auth": ("nobody", WRITER[1])},
        {"headers": {"Authorization": "Basic %%%"}},
        {"headers": {"X-ClickHouse-User": WRITER[0]}, "params": {"password": WRITER[1]}},
    ],
)
def test_a_wrong_password_is_code_516(clickhouse: RunningClickHouse, given: dict[str, object]) -> None:
    answer = httpx.post(clickhouse.url, content="SELECT 1", **given)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert WRITER[1] not in answer.text


def test_a_client_with_a_wrong_password_is_told(clickhouse: RunningClickHouse) -> None:
    with pytest.raises(DatabaseError) as caught:
        clickhouse.writer(password="wrong")
    assert caught.value.code == 516


FORBIDDEN = [
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t FORMAT CSV\n1\n",
    "INSERT INTO t SELECT 1",
    "INSERT INTO FUNCTION file('OUT', 'CSV') SELECT 1",
    "CREATE TABLE x (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a UInt8)",
    "CREATE DATABASE x",
    "CREATE FUNCTION f AS x -> x",
    "DROP TABLE t",
    "TRUNCATE TABLE t",
    "DETACH TABLE t",
    "RENAME TABLE t TO t2",
    "ALTER TABLE t DELETE WHERE 1",
    "DELETE FROM t WHERE 1",
    "OPTIMIZE TABLE t",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "GRANT ALL ON *.* TO grafana",
    "BACKUP TABLE t TO File('x')",
    "SET readonly = 0",
    "SET max_execution_time = 100",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 1000",
    "SELECT 1 SETTINGS max_result_rows = 0",
    "SELECT 1; DROP TABLE t",
    "SELECT 1 INTO OUTFILE 'OUT' FORMAT CSV",
    "EXPLAIN SELECT 1 INTO OUTFILE 'OUT'",
    "SELECT * FROM file('/etc/hostname', 'LineAsString')",
    "SELECT file('/etc/hostname')",
    "SELECT `file`('/etc/hostname')",
    "SELECT \"file\" /* x */ ('/etc/hostname')",
    "SELECT `\\x66ile`('/etc/hostname')",
    "SELECT `\\x66ile`('/etc/hostname') FORMAT Parquet",
    "SELECT file('/etc/hostname') FORMAT Native -- FORMAT TSV",
    "SELECT * APPLY(file) FROM (SELECT '/etc/hostname')",
    "SELECT * APPLY file FROM (SELECT '/etc/hostname')",
    "SELECT arrayMap(x -> file(x), ['/etc/hostname'])",
    "SELECT arrayMap(file, ['/etc/hostname'])",
    "WITH file AS f SELECT arrayMap(f, ['/etc/hostname'])",
    "SELECT * FROM filesystem('/etc')",
    "DESCRIBE TABLE filesystem('/etc')",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT 1 IN file('/etc/hostname')",
    "SELECT aiGenerate('x')",
    "WITH (x -> file(x)) AS f SELECT f('/etc/hostname')",
    "EXPLAIN SELECT file('/etc/hostname')",
    "EXPLAIN SYNTAX SELECT file('/etc/hostname')",
    "DESCRIBE (SELECT file('/etc/hostname'))",
    "DESCRIBE TABLE file('/etc/hostname', 'CSV')",
    "DESCRIBE TABLE url('http://127.0.0.1:1/', 'CSV')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/bucket/a.csv', 'CSV')",
    "SELECT * FROM remote('127.0.0.1:1', 'a', 'b')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('ls', 'TSV', 'a String')",
    "SELECT * FROM sqlite('/tmp/a', 'b')",
    "SELECT * FROM Python(users)",
    "SELECT * FROM view(SELECT file('/etc/hostname'))",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_reader_is_refused(clickhouse: RunningClickHouse, sql: str, tmp_path: Path) -> None:
    with clickhouse.writer() as writer:
        writer.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        out = tmp_path / "out"
        answer = read(clickhouse, sql.replace("OUT", str(out)))
        left = writer.command("SELECT count() FROM t")
    assert (
        answer.is_error,
        answer.headers.get("X-ClickHouse-Exception-Code") in CODES,
        left,
        out.exists(),
    ) == (
        True,
        True,
        0,
        False,
    ), answer.text


CODES = ("62", "164", "497", "46", "47")  # not allowed, or not even a name for a reader


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM t",
        "WITH 1 AS a SELECT a",
        "SHOW TABLES",
        "DESCRIBE TABLE t",
        "SELECT 'C:\\\\x(file) file()' AS url, INTERVAL 1 DAY",
        "SELECT cutURLParameter('http://a/?b=c', 'b'), domain('http://a')",
        "SELECT * FROM t FINAL FORMAT JSONCompact",
        "EXPLAIN SELECT * FROM t",
        "SELECT name FROM system.columns WHERE database = currentDatabase()",
        "SELECT number FROM numbers(10)",
    ],
)
def test_a_reader_reads(clickhouse: RunningClickHouse, sql: str) -> None:
    with clickhouse.writer() as writer:
        writer.command("CREATE TABLE t (a UInt64) ENGINE = ReplacingMergeTree ORDER BY a")
        assert read(clickhouse, sql).text != ""
        assert read(clickhouse, sql).status_code == 200


def test_a_reader_may_shorten_its_time_but_not_lengthen_it(clickhouse: RunningClickHouse) -> None:
    sql = "SELECT getSetting('max_execution_time')"
    assert [read(clickhouse, sql, max_execution_time=asked).text for asked in ("3", "0", "9999")] == [
        "3\n",
        "30\n",
        "30\n",
    ]


def test_a_runaway_query_of_a_reader_ends(clickhouse: RunningClickHouse) -> None:
    answer = read(clickhouse, "SELECT count() FROM numbers(1000000000000)", max_execution_time="1")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "159"


def test_a_reader_gets_a_bounded_number_of_rows(clickhouse: RunningClickHouse) -> None:
    answer = read(clickhouse, "SELECT number FROM numbers(3000000) FORMAT JSON")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "396"


def test_a_reader_changes_no_other_setting(clickhouse: RunningClickHouse) -> None:
    answer = read(clickhouse, "SELECT 1", max_memory_usage="0")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_clickhouse_connect_reads_as_reader(clickhouse: RunningClickHouse) -> None:
    rows = clickhouse.reader().query("SELECT {a:UInt8} AS a", parameters={"a": 7}).result_rows
    assert rows == [(7,)]
