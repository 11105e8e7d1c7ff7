from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from threading import Thread
from time import monotonic

import bytewax.operators as op
import polars as pl
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, cluster_main, run_main
from structlog.testing import capture_logs

from sinks.clickhouse import PARTITIONS, ClickHouseSink
from sinks.clickhouse_errors import Verdict, judge
from sinks.clickhouse_writer import ClickHouseWriter, Pace
from tests.sinks.conftest import READER, WRITER, Store, given
from tests.sinks.some_rows import ONE_OF_EACH, engagement
from topics.errors import BadInput, Broken
from windows.rows import Rows

EVENTS = "SELECT game_id, events FROM engagement ORDER BY game_id"
COUNT = "SELECT count(), sum(events) FROM engagement"
NEVER_BY_ITSELF = Pace(batch_rows=10**9, batch_age_s=10**6)


@pytest.mark.parametrize("rows", ONE_OF_EACH, ids=lambda rows: rows.table)
def test_a_row_of_every_table_comes_back_as_it_went(store: Store, rows: Rows) -> None:
    frame = rows.frame
    if rows.table == "pipeline_metrics":  # a row older than its time to live would vanish
        (now,) = store.rows("SELECT toUnixTimestamp64Milli(now64(3))")[0]
        frame = frame.with_columns(time=pl.lit(now, pl.Int64).cast(pl.Datetime("ms", "UTC")))
    writer = store.writer()
    writer.put(Rows(rows.table, frame))
    writer.close()
    shown = frame.drop("version", strict=False)
    names = ", ".join(f"`{name}`" for name in shown.columns)
    client = store.client()
    found = client.query_arrow(
        f"SELECT {names} FROM {rows.table.removesuffix('_upserts')}",
        settings={"output_format_arrow_string_as_string": 0},  # any bytes come back as they went
    )
    client.close()
    seconds = pl.col(pl.UInt32).exclude("window_seconds")  # how a DateTime comes back
    back = pl.DataFrame(found).with_columns(pl.from_epoch(seconds.cast(pl.Int64)).dt.replace_time_zone("UTC"))
    back = back.with_columns(pl.col(name).cast(pl.String) for name in shown.select(pl.col(pl.String)).columns)
    assert back.rows() == shown.rows()


def test_the_higher_version_wins_and_a_lower_one_changes_nothing(store: Store) -> None:
    writer = store.writer()
    for events, version in ((5, 5), (9, 9), (7, 7)):
        writer.put(engagement(["a", "b"], events, version))
        writer.flush()
    writer.close()
    assert store.rows(EVENTS) == [("a", 9), ("b", 9)]


def test_of_versions_in_one_insert_the_highest_wins(store: Store) -> None:
    writer = store.writer(NEVER_BY_ITSELF)
    for events, version in ((5, 5), (9, 9), (7, 7)):
        writer.put(engagement(["a", "b"], events, version))
    writer.close()
    assert writer.figures().inserts == 1
    assert store.rows(EVENTS) == [("a", 9), ("b", 9)]


def test_the_same_block_again_is_recognised_and_leaves_nothing_double(store: Store) -> None:
    writer = store.writer()
    for _ in range(3):
        writer.put(engagement([f"g{number}" for number in range(100)], 1, 1))
        writer.flush()
    writer.close()
    assert store.rows("SELECT count() FROM engagement_upserts") == [(100,)]


def test_one_batch_may_hold_rows_of_three_hundred_months(store: Store) -> None:
    starts = [datetime(1990 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(300)]
    writer = store.writer()
    writer.put(engagement(["a"] * 300, 1, 1, starts))
    writer.close()
    assert store.rows(COUNT) == [(300, 300)]


def test_rows_of_many_partitions_share_inserts(store: Store) -> None:
    writer = store.writer(NEVER_BY_ITSELF)
    for number in range(50):
        writer.put(engagement([f"g{number}"], 1, 1))
    writer.flush()
    writer.close()
    assert store.rows(COUNT) == [(50, 50)]
    assert store.rows("SELECT uniqExact(_part) FROM engagement_upserts") == [(1,)]


def test_rows_are_written_without_a_flush_when_they_are_old_enough(store: Store) -> None:
    writer = store.writer(Pace(batch_age_s=0.05))
    writer.put(engagement(["a"], 1, 1))
    until(lambda: store.rows(EVENTS) == [("a", 1)])
    writer.stop()


def test_a_server_that_goes_away_and_comes_back_loses_and_doubles_nothing(store: Store) -> None:
    writer = store.writer(Pace(batch_age_s=0.01, longest_wait_s=0.2))
    with capture_logs() as logs:
        for number in range(200):
            writer.put(engagement([f"g{number}"], number, 1))
            if number in {50, 150}:
                store.engine.kill()
                until(lambda: logs[-1:] != [] and logs[-1]["event"] == "clickhouse_away")
            if number in {100, 199}:
                store.engine.start()
                writer.flush()
        writer.close()
    assert [entry["event"] for entry in logs] == ["clickhouse_away", "clickhouse_back"] * 2
    assert store.rows(COUNT) == [(200, sum(range(200)))]


def test_put_waits_while_the_queue_is_full_and_goes_on_when_there_is_room(store: Store) -> None:
    rows = engagement(["a" * 100] * 100, 1, 1)
    size = int(rows.frame.estimated_size())
    writer = store.writer(Pace(batch_rows=10**9, batch_age_s=10**6, queue_bytes=2 * size))
    writer.put(rows)
    writer.put(rows)
    third = Thread(target=writer.put, args=(rows,))
    third.start()
    third.join(0.3)
    assert third.is_alive()
    writer.flush()
    third.join(10)
    assert not third.is_alive()
    writer.close()


def test_a_frame_larger_than_the_queue_goes_alone(store: Store) -> None:
    writer = store.writer(Pace(queue_bytes=1))
    writer.put(engagement(["a", "b", "c"], 1, 1))
    writer.put(engagement(["d"], 1, 1))
    writer.close()
    assert store.rows(COUNT) == [(4, 4)]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"password": "no"}, "refuses user 'writer'"),
        ({"database": "not_there"}, "no database 'not_there': run ./gamewax migrate"),
        ({**READER}, "lacks a right"),
    ],
)
def test_what_no_retry_can_help_is_raised_by_put_and_flush_in_one_line(
    store: Store, wrong: dict[str, str], line: str
) -> None:
    server = given(store.engine.url, **{"database": store.server.database, **wrong})
    writer = ClickHouseWriter(server, monotonic, Random(7))
    writer.put(engagement(["a"], 1, 1))
    with pytest.raises(BadInput, match=line) as flushed:
        writer.flush()
    with pytest.raises(BadInput, match=line):
        writer.put(engagement(["a"], 1, 1))
    writer.stop()
    assert "\n" not in str(flushed.value)
    assert WRITER["password"] not in str(flushed.value)


def test_a_missing_table_says_to_migrate_and_a_wrong_column_is_our_fault(store: Store) -> None:
    writer = store.writer()
    writer.put(Rows("no_such_table", pl.DataFrame({"a": [1]})))
    with pytest.raises(BadInput, match=r"run \./gamewax migrate"):
        writer.close()
    writer = store.writer()
    writer.put(Rows("engagement_upserts", pl.DataFrame({"no_such_column": [1]})))
    with pytest.raises(Broken, match="no_such_column"):
        writer.close()


def test_errors_that_end_by_themselves_are_waited_out(store: Store) -> None:
    client = store.client()
    with pytest.raises(Exception, match="159") as slow:
        client.query("SELECT sum(number) FROM numbers(10000000000)", settings={"max_execution_time": 0.1})
    with pytest.raises(Exception, match="60") as missing:
        client.query("SELECT * FROM no_such_table")
    client.close()
    assert (judge(slow.value), judge(missing.value)) == (Verdict.WAIT, Verdict.GIVE_UP)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dataflow_writes_all_shards_through_one_sink(store: Store, workers: int) -> None:
    items = [(PARTITIONS[n % 16], engagement([f"g{n}"], n, 1)) for n in range(64)]
    flow = Dataflow("sink")
    stream = op.input("read", flow, TestingSource(items))
    op.output("rows", stream, ClickHouseSink(store.server, monotonic, Random(7), NEVER_BY_ITSELF))
    if workers == 1:
        run_main(flow)
    else:
        cluster_main(flow, [], 0, worker_count_per_proc=workers)
    assert store.rows(COUNT) == [(64, sum(range(64)))]


def until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not true():
        assert monotonic() < deadline
