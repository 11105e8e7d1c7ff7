"""A whole round over a real Kafka and ClickHouse: rows are compared, processes tell their figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.drain import measure
from bench.work import Entry, eng_bad, eng_no_sink
from settings import Kafka, Settings
from tests.flow_fixture import World


@dataclass(frozen=True)
class OfTests:
    """The servers of a test's world."""

    world: World

    @property
    def bootstrap_servers(self) -> str:
        return self.world.kafka.bootstrap_servers

    def environment(self) -> dict[str, str]:
        return self.world.environment

    def settings(self) -> Settings:
        return Settings(kafka=Kafka(bootstrap_servers=self.bootstrap_servers), clickhouse=self.world.server)


@pytest.mark.slow
def test_a_round_has_right_rows_and_figures_with_and_without_clickhouse(world: World, tmp_path: Path) -> None:
    entries = [
        Entry("ENG-BAD", (eng_bad(100_000),), {"ratio": 0.0}),
        Entry("ENG-NOSINK", (eng_no_sink(100_000),), {"ratio": 0.0}, against="ENG-BAD"),
    ]
    with_sink, without = measure(OfTests(world), entries, 1, tmp_path / "stores")
    assert (with_sink.rows, without.rows) == ("405/405", "400/400")
    assert with_sink.reached
    assert without.reached
    for result in (with_sink, without):
        met = result.figures
        assert {"ratio", "cpu_us", "rss_mb", "snapshots", "waits", "thread_reader_us"} <= met.keys()
        assert min(met["ratio"], met["cpu_us"], met["rss_mb"], met["bare_cpu_us"]) > 0
    assert "thread_writer_us" not in without.figures
    assert "cost" in without.figures
