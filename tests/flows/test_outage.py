"""ClickHouse away, ill or slow under load: reading pauses, memory stays, others go on, all rows are right."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from time import monotonic

import polars as pl
import pytest

from sinks.clickhouse_errors import Verdict, judge
from sinks.clickhouse_writer import ClickHouseWriter, Pace
from tests.flow_fixture import World, until
from verify.outage.load import Load
from verify.outage.process import FlowProcess, flow_process
from verify.outage.proxy import FaultyProxy, Trouble
from verify.outage.right import Wrong, wrong
from verify.outage.story import Asked, Found, finish, now_ms, short_of
from windows.rows import Rows

PER_SECOND = 4_000
MOST_GROWTH = 256 << 20
QUICK = {
    "GAMEWAX_HEALTH__AWAY_AFTER_S": "0.5",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.5",
    "GAMEWAX_DEAD_LETTERS__PAUSE": "false",
}
IMPATIENT = Pace(batch_age_s=0.01, longest_wait_s=0.1, answer_s=1, patient_answer_s=2)
FRAMES, ROWS = 5, 40


@pytest.fixture
def proxy(world: World) -> Iterator[FaultyProxy]:
    with FaultyProxy(world.clickhouse.url) as proxy:
        yield proxy


@pytest.mark.slow
def test_reading_pauses_while_clickhouse_is_away_and_nobody_else_notices(
    world: World, proxy: FaultyProxy
) -> None:
    near = world.environment | QUICK
    with (
        (world.folder / "said").open("w") as said,
        Load(world.kafka.bootstrap_servers, PER_SECOND, now_ms) as load,
        flow_process("purchases", near, said) as neighbour,
        flow_process("engagement", {**near, "GAMEWAX_CLICKHOUSE__URL": proxy.url}, said) as flow,
    ):
        until(lambda: not flow.look().reasons and flow.look().read > PER_SECOND)
        before = flow.look()
        proxy.become(Trouble.AWAY)
        until(lambda: "clickhouse_away" in flow.look().reasons)
        until(lambda: stands_still(flow, load))
        sold = load.sent.purchases
        until(lambda: neighbour.look().read > sold)
        assert flow.look().rss - before.rss < MOST_GROWTH
        proxy.become(Trouble.NONE)
        load.end()
        for of, sent in ((flow, load.sent.events), (neighbour, load.sent.purchases)):
            finish(of, sent)
    with world.client() as client:
        assert wrong(client, load) == Wrong()


def stands_still(flow: FlowProcess, load: Load) -> bool:
    """Tell whether nothing was read while a second's events came."""
    read, sent = flow.look().read, load.sent.events
    until(lambda: load.sent.events > sent + PER_SECOND)
    return flow.look().read == read


@pytest.mark.parametrize("trouble", [of for of in Trouble if of not in {Trouble.NONE, Trouble.SLOW}])
def test_no_trouble_loses_or_doubles_a_row(world: World, proxy: FaultyProxy, trouble: Trouble) -> None:
    server = world.server.model_copy(update={"url": proxy.url})
    writer = ClickHouseWriter(server, monotonic, Random(7), IMPATIENT)
    writer.put(frame(0))
    writer.flush()
    proxy.become(trouble)
    for number in range(1, FRAMES):
        writer.put(frame(number))
    until(lambda: writer.figures().retries > 1)
    proxy.become(Trouble.NONE)
    writer.close()
    found = world.ask("SELECT count(), uniqExact(game_id), sum(events) FROM engagement_upserts")
    assert found == [(FRAMES * ROWS, FRAMES * ROWS, sum(range(FRAMES * ROWS)))]


def frame(number: int) -> Rows:
    """Give some rows of a table, other ones for each number."""
    events = list(range(number * ROWS, (number + 1) * ROWS))
    columns = {
        "game_id": [f"g{of}" for of in events],
        "window_seconds": pl.Series([10] * ROWS, dtype=pl.UInt32),
        "window_start": pl.Series([1_700_000_000] * ROWS, dtype=pl.UInt32),
        "events": pl.Series(events, dtype=pl.UInt64),
        "players": pl.Series([1] * ROWS, dtype=pl.UInt64),
        "sessions": pl.Series([1] * ROWS, dtype=pl.UInt64),
        "version": pl.Series(events, dtype=pl.UInt64),
    }
    return Rows("engagement_upserts", pl.DataFrame(columns))


def test_a_server_that_lacks_memory_disk_or_rest_is_waited_for() -> None:
    class Said(Exception):
        def __init__(self, code: int) -> None:
            self.code = code

    assert {judge(Said(code)) for code in (75, 241, 243, 252)} == {Verdict.WAIT}


WELL = Found(before_mb=200, peak_mb=400, paused_after_s=1, red_after_s=10, catch_up=9, neighbour_s=2)


@pytest.mark.parametrize(
    ("change", "short"),
    [
        ({}, []),
        ({"peak_mb": 457}, ["memory"]),
        ({"paused_after_s": None}, ["reading did not pause"]),
        ({"red_after_s": 16.0}, ["health"]),
        ({"catch_up": 4.9}, ["catching up"]),
        ({"neighbour_s": 30.0}, ["the other flow"]),
        ({"kafka_back_s": 11.0}, ["Kafka"]),
        ({"wrong": Wrong(lost=1)}, ["numbers"]),
    ],
)
def test_the_last_line_names_what_is_not_as_promised(change: dict[str, object], short: list[str]) -> None:
    found = Found(**{name: change.get(name, getattr(WELL, name)) for name in WELL.__slots__})  # type: ignore[arg-type]
    assert short_of(Asked(60, 0, 20_000), found) == short
