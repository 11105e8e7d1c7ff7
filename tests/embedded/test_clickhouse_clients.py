"""What clickhouse-connect's own HTTP client must find at the embedded ClickHouse."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.summary import QuerySummary

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from tests.clickhouse_fixture import RunningClickHouse

MILLION = 1_000_000


def made(client: Client, columns: str, engine: str = "MergeTree ORDER BY tuple()") -> None:
    client.command(f"CREATE TABLE t ({columns}) ENGINE = {engine}")


def test_rows_come_back_as_they_were_inserted(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    made(
        client,
        "day Date, at DateTime64(3, 'UTC'), price Decimal(18, 4), note Nullable(String), "
        "kind LowCardinality(String), tags Array(String), id UUID, share Float64, good Bool, "
        "counts Map(String, UInt32)",
    )
    rows = [
        (
            date(2026, 1, 2),
            datetime(2026, 1, 2, 3, 4, 5, 678000),
            Decimal("12.3456"),
            None,
            "move",
            ["a", "b'\n\t\\", "ü🎮"],
            UUID(int=7),
            0.1,
            True,
            {"x": 1},
        )
    ]
    summary = client.insert("t", rows)
    assert (summary.written_rows, client.query("SELECT * FROM t").result_rows) == (1, rows)


@pytest.mark.parametrize("compress", [None, "lz4", "zstd", "gzip"])
def test_a_million_rows_arrive_and_return_whole(clickhouse: RunningClickHouse, compress: str | None) -> None:
    client = clickhouse.writer(compress=compress or False)
    made(client, "a UInt64, b String")
    numbers = list(range(MILLION))
    summary = client.insert("t", [numbers, ["move"] * MILLION], column_names=["a", "b"], column_oriented=True)
    read = client.query("SELECT * FROM t ORDER BY a").result_columns
    counted = client.query("SELECT count(), sum(a) FROM t").result_rows
    assert (summary.written_rows, counted) == (MILLION, [(MILLION, sum(numbers))])
    assert (list(read[0]), len(read[1])) == (numbers, MILLION)


@pytest.mark.parametrize("compress", [None, "lz4", "zstd", "gzip"])
def test_arrow_goes_in_and_comes_out(clickhouse: RunningClickHouse, compress: str | None) -> None:
    client = clickhouse.writer(compress=compress or False)
    made(client, "a Int64, b String")
    table = pa.table({"a": list(range(10_000)), "b": ["x"] * 10_000})
    summary = client.insert_arrow("t", table)
    back = client.query_arrow("SELECT * FROM t ORDER BY a", use_strings=True)
    assert (summary.written_rows, back.to_pydict()) == (10_000, table.to_pydict())


def test_results_stream_in_blocks(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    with client.query_row_block_stream("SELECT number FROM numbers(1000000)") as stream:
        sizes = [len(block) for block in stream]
    assert (len(sizes) > 1, sum(sizes)) == (True, MILLION)


def test_a_stream_left_early_hurts_nobody(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    with client.query_row_block_stream("SELECT number FROM numbers(100000000)") as stream:
        next(iter(stream))
    assert client.command("SELECT 1") == 1


def test_a_failure_in_the_middle_of_a_stream_is_an_error(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    sql = "SELECT throwIf(number = 900000, 'half-way') FROM numbers(1000000)"
    with pytest.raises(Exception, match="half-way"):
        client.query(sql)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM absent", 60),
        ("SELEC 1", 62),
        ("SELECT nosuch(1)", 46),
        ("SELECT absent", 47),
        ("SELECT 1 FORMAT Nosuch", 73),
        ("USE absent", 81),
        ("CREATE TABLE x (a Nosuch) ENGINE = Memory", 50),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT throwIf(1)", 395),
        ("SELECT count() FROM numbers(10000000000) SETTINGS max_execution_time = 0.2", 159),
        (
            "SELECT length(groupArray(number)) FROM numbers(9000000) SETTINGS max_memory_usage=1000000",
            241,
        ),
    ],
)
def test_errors_carry_clickhouse_codes(clickhouse: RunningClickHouse, sql: str, code: int) -> None:
    with pytest.raises(DatabaseError) as caught:
        clickhouse.writer().command(sql)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", "it's \\ a\ttab\nand `quotes` {x:String} ü"),
        ("Array(String)", ["a'b", "c\\"]),
        ("DateTime64(3)", datetime(2026, 1, 2, 3, 4, 5, 678000)),
        ("Nullable(Int64)", None),
        ("UInt64", 2**64 - 1),
        ("Decimal(18, 4)", Decimal("1.5000")),
    ],
)
def test_parameters_are_values_on_the_server(clickhouse: RunningClickHouse, kind: str, value: object) -> None:
    rows = clickhouse.writer().query(f"SELECT {{p:{kind}}} AS p", parameters={"p": value}).result_rows
    assert rows == [(value,)]


def test_identifiers_and_large_values_are_parameters_too(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    made(client, "a UInt8")
    large = "x" * 100_000
    sql = "SELECT count(), length({p:String}) FROM {t:Identifier}"
    assert client.query(sql, parameters={"t": "t", "p": large}).result_rows == [(0, 100_000)]


def test_settings_hold_for_one_query_only(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    sql = "SELECT getSetting('max_block_size')"
    with_it = client.query(sql, settings={"max_block_size": 1234}).result_rows
    assert (with_it, client.query(sql).result_rows) == ([(1234,)], [(65409,)])


def test_a_deduplication_token_writes_once(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    made(client, "a UInt64", "MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100")
    for token in ("one", "one", "two", "one"):
        client.insert("t", [[1], [2]], settings={"insert_deduplication_token": token})
    assert client.command("SELECT count() FROM t") == 4


def test_the_highest_version_of_a_row_counts(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    made(client, "k String, v UInt64, n UInt64", "ReplacingMergeTree(v) ORDER BY k")
    for version in (2, 3, 1):
        client.insert("t", [["a", version, version * 10], ["b", version, 1]])
    assert client.query("SELECT * FROM t FINAL ORDER BY k").result_rows == [("a", 3, 30), ("b", 3, 1)]


def test_an_empty_result_has_its_columns(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    probe = client.query("SELECT 1 AS a, 'x' AS b LIMIT 0")
    assert (probe.column_names, probe.result_rows) == (("a", "b"), [])


def test_insert_select_tells_what_it_wrote(clickhouse: RunningClickHouse) -> None:
    client = clickhouse.writer()
    made(client, "a UInt64")
    summary = client.command("INSERT INTO t SELECT number FROM numbers(1234)")
    assert isinstance(summary, QuerySummary)
    assert summary.written_rows == 1234
