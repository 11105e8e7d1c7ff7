"""Rows are compared with a truth counted by hand; a single wrong value leaves no figure."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from bench import truth
from bench.check import Checked, compared
from bench.file_sink import FileSink, latest_rows
from bench.load import START_MS, Load, blocks
from bench.servers import ServerLoad
from windows.rows import Rows

KEY = ["window_start", "server_id"]
TRUTH = pl.DataFrame(
    {"window_start": [10, 20], "server_id": ["a", "b"], "samples": [5, 6], "latency_p50": [100.0, 200.0]}
)


def test_equal_rows_in_another_order_and_other_integers_are_right() -> None:
    found = TRUTH.reverse().with_columns(pl.col("samples").cast(pl.UInt64))
    assert compared(TRUTH, found, KEY, {}) == Checked(2, 2)


def test_a_wrong_value_a_missing_row_and_a_row_too_many_are_seen() -> None:
    wrong = TRUTH.with_columns(samples=pl.Series([5, 7]))
    assert compared(TRUTH, wrong, KEY, {}) == Checked(1, 2)
    assert compared(TRUTH, TRUTH.head(1), KEY, {}) == Checked(1, 2)
    assert compared(TRUTH.head(1), TRUTH, KEY, {}) == Checked(1, 1, extra=1)
    assert compared(TRUTH, TRUTH.clear(), KEY, {}) == Checked(0, 2)
    assert not Checked(1, 1, extra=1).exact


def test_a_quantile_may_be_off_by_its_error_and_no_more() -> None:
    near = {"latency_p50": 0.01}
    inside = TRUTH.with_columns(latency_p50=pl.Series([101.0, 198.0]))
    beyond = TRUTH.with_columns(latency_p50=pl.Series([101.1, 198.0]))
    assert compared(TRUTH, inside, KEY, near) == Checked(2, 2)
    assert compared(TRUTH, beyond, KEY, near) == Checked(1, 2)
    assert compared(TRUTH, inside, KEY, {}) == Checked(0, 2)


def test_the_truth_by_level_is_what_a_loop_counts() -> None:
    load = Load(500, ids=False, players=3, bad_every=7)
    counts: dict[tuple[int, str, str], list[dict[str, object]]] = {}
    for event in next(blocks(load)).rows(named=True):
        if event["n"] % 7:
            key = (event["time_ms"] // 10_000 * 10, f"level_{event['level']}", f"map_{event['map']}")
            counts.setdefault(key, []).append(event)
    told = {row[:3]: row[3:] for row in truth.by_level(load, 10).rows()}
    assert told == {
        key: (
            len(events),
            *(sum(of["event_type"] == kind for of in events) for kind in truth.COUNTED),
            len({of["player"] for of in events}),
        )
        for key, events in counts.items()
    }


def test_the_truth_by_server_is_what_a_loop_counts() -> None:
    load = ServerLoad(300, servers=2)
    seen: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
    for of in next(load.blocks()).rows(named=True):
        key = (of["time_ms"] // 10_000 * 10, f"server_{of['server']}")
        seen.setdefault(key, []).append((of["cpu_load"], of["memory_usage"], of["latency"]))
    for row in truth.by_server(load, 10).rows(named=True):
        samples = seen.pop((row["window_start"], row["server_id"]))
        latency = sorted(of[2] for of in samples)
        last = len(samples) - 1
        assert row["samples"] == len(samples)
        assert row["cpu_load_avg"] == sum(of[0] for of in samples) / (1000 * len(samples))
        assert row["memory_usage_max"] == max(of[1] for of in samples) / 1000
        assert row["latency_max"] == latency[-1] / 1000
        for name, percent in {"latency_p50": 50, "latency_p95": 95, "latency_p99": 99}.items():
            assert row[name] == latency[percent * last // 100] / 1000
    assert not seen


def test_the_truth_by_fleet_is_what_a_loop_counts() -> None:
    load = ServerLoad(300, servers=6, fleets=2)
    (block,) = load.blocks()
    rows = truth.by_fleet(load, 10).rows(named=True)
    assert {of["fleet_id"] for of in rows} == {"fleet_0", "fleet_1"}
    for row in rows:
        samples = [
            of
            for of in block.rows(named=True)
            if (of["time_ms"] // 10_000 * 10, f"fleet_{of['server'] % 2}")
            == (row["window_start"], row["fleet_id"])
        ]
        ticks = sorted(of["tick_ms"] for of in samples)
        assert row["samples"] == len(samples)
        assert row["servers"] == len({of["server"] for of in samples})
        assert row["players_avg"] == sum(of["players"] for of in samples) / len(samples)
        assert row["players_max"] == max(of["players"] for of in samples)
        assert row["disconnects"] == sum(of["disconnects"] for of in samples)
        assert row["tick_ms_p99"] == ticks[99 * (len(ticks) - 1) // 100] / 1000
    assert sum(row["samples"] for row in rows) == load.events


def test_of_the_rows_in_files_the_last_version_of_each_key_counts(tmp_path: Path) -> None:
    sink = FileSink(tmp_path)
    parts = [sink.build_part("rows", key, None) for key in sink.list_parts()[:2]]
    start = pl.Series("window_start", [START_MS] * 2).cast(pl.Datetime("ms"))
    rows = pl.DataFrame({"window_start": start, "level_id": ["1", "2"], "events": [3, 4], "version": [3, 4]})
    parts[0].write_batch([Rows("some_upserts", rows)])
    parts[0].close()
    more = rows.head(1).with_columns(events=pl.Series([9]), version=pl.Series([9]))
    parts[1].write_batch([Rows("some_upserts", more)])
    parts[1].close()
    wanted = pl.DataFrame({"window_start": [START_MS // 1000] * 2, "level_id": ["1", "2"], "events": [9, 4]})
    found = latest_rows(tmp_path, "some_upserts", ["window_start", "level_id"]).drop("version")
    assert_frame_equal(found.sort("level_id"), wanted)
    assert sink.figures().rows == {"some_upserts": 3}
