"""ClickHouse away, ill or slow under load: reading pauses, memory stays, others go on, all rows are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from time import monotonic
from urllib.parse import urlsplit

import polars as pl
import pytest

from sinks.clickhouse_errors import Verdict, judge
from sinks.clickhouse_writer import ClickHouseWriter, Pace
from tests.flow_fixture import World, until
from verify.fault_proxy import ERRORS, FaultProxy, Trouble
from verify.outage.found import Asked, Found
from verify.outage.goals import goals
from verify.outage.load import Load
from verify.outage.process import FlowProcess, flow_process
from verify.outage.right import Wrong, wrong
from verify.outage.story import finish, now_ms
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
def proxy(world: World) -> Iterator[FaultProxy]:
    with FaultProxy(urlsplit(world.clickhouse.url).port or 0) as proxy:
        yield proxy


@pytest.mark.slow
def test_reading_pauses_while_clickhouse_is_away_and_nobody_else_notices(
    world: World, proxy: FaultProxy
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
        proxy.begin(Trouble.REFUSES)
        until(lambda: "clickhouse_away" in flow.look().reasons)
        until(lambda: stands_still(flow, load))
        sold = load.sent.purchases
        until(lambda: neighbour.look().read > sold)
        assert flow.look().rss - before.rss < MOST_GROWTH
        proxy.end()
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


@pytest.mark.parametrize(
    "trouble", [of for of in Trouble if of not in {Trouble.SLOW_LINE, Trouble.SLOW_SERVER}]
)
def test_no_trouble_loses_or_doubles_a_row(world: World, proxy: FaultProxy, trouble: Trouble) -> None:
    server = world.server.model_copy(update={"url": proxy.url})
    writer = ClickHouseWriter(server, monotonic, Random(7), IMPATIENT)
    writer.put(frame(0))
    writer.flush()
    proxy.begin(trouble)
    for number in range(1, FRAMES):
        writer.put(frame(number))
    until(lambda: writer.figures().retries > (len(ERRORS) if trouble is Trouble.ERRORS else 1))
    proxy.end()
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


WELL = Found(
    before_mb=200,
    peak_mb={"ClickHouse away": 210, "catching up": 400, "other troubles": 400, "Kafka away": 600},
    others_behind_s={"ClickHouse away": 4.0, "catching up": 30.0},
    paused_after_s=1,
    red_after_s=10,
    resumed_after_s=2,
    caught_up_after_s=9,
    catch_up=9,
    kafka_red_s=12,
    kafka_back_s=3,
    wrong=Wrong(),
)


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({}, []),
        ({"peak_mb": {"ClickHouse away": 457}}, ["memory, ClickHouse away"]),
        ({"peak_mb": {"catching up": 457}}, ["memory, catching up"]),
        ({"others_behind_s": {"ClickHouse away": 11.0}}, ["the other flow, ClickHouse away"]),
        ({"paused_after_s": None}, ["reading pauses"]),
        ({"red_after_s": 16.0}, ["not ready"]),
        ({"caught_up_after_s": None}, ["caught up alone"]),
        ({"catch_up": 4.9}, ["catching up"]),
        ({"kafka_red_s": None}, ["Kafka: not ready"]),
        ({"kafka_back_s": 11.0}, ["Kafka: less than 1 s behind"]),
        ({"wrong": Wrong(lost=1)}, ["every row and book"]),
        ({"stopped": "flow engagement ended with 1"}, ["to the end"]),
    ],
)
def test_what_is_not_as_promised_is_a_missed_goal_by_its_name(
    change: dict[str, object], missed: list[str]
) -> None:
    found = replace(WELL, **change)  # type: ignore[arg-type]
    assert [goal.name for goal in goals(Asked(60, 30, 20_000), found) if not goal.met] == missed
