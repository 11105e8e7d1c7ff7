"""Raw events read back are what decode gave, without the duplicates that the ring would see."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import settings
from flows.raw import RawTable
from sinks.clickhouse_client import connect
from sinks.clickhouse_insert import blocks, insert
from sinks.migrations import migrate
from tests.clickhouse_fixture import WRITER, RunningClickHouse
from tests.flows.raw_truth import TRAFFIC
from topics.dead_letters import Replay
from topics.decode import EVENT_TIME, decode
from topics.registry import TOPICS
from topics.topic import Topic
from verify.troubled import Sent
from windows.archive import ArchiveLane
from windows.plan import Plan
from windows.rows import Rows
from windows.take import Arrivals, fresh_state

SPAN, PARTITIONS, STEP_MS, NOW_MS = 20, 2, 60_000, 1_700_100_000_000
LOG = "cafe0123"


def logs(topic: str) -> Iterator[tuple[int, Arrivals]]:
    """Messages of each partition, some of them replays of dead letters."""
    sent: list[Sent] = list(islice(TRAFFIC[topic](5, PARTITIONS), 1_500))
    for partition in range(PARTITIONS):
        values = [of.value for of in sent if of.partition == partition]
        random = Random(partition)
        replays = {
            row: Replay(LOG, topic, partition, random.randrange(5), NOW_MS, 1)
            for row in random.sample(range(20, len(values)), 100)
        }
        offsets = np.arange(len(values))
        yield partition, Arrivals(values, offsets, np.full(len(values), NOW_MS), values, replays)


def wanted(topic: Topic, arrivals: Arrivals) -> pl.DataFrame:
    """The good events that are no duplicates, by the definition."""
    decoded = decode(topic, arrivals.values, arrivals.arrived_ms)
    last: dict[object, int] = {}
    kept = []
    for row, event_id in zip(decoded.rows.tolist(), decoded.frame["event_id"], strict=True):
        replay = arrivals.replays.get(row)
        known_by = event_id if event_id is not None else (replay and ("replay of", replay.offset))
        kept.append(known_by is None or row - last.get(known_by, -(10**9)) > SPAN)
        last |= {known_by: row} if known_by is not None else {}
    return decoded.frame.filter(pl.Series(kept))


@pytest.mark.parametrize("name", TRAFFIC)
def test_raw_events_come_back_as_decoded_without_duplicates(clickhouse: RunningClickHouse, name: str) -> None:
    topic, plan = TOPICS[name], Plan("archive", (), (0,), dedup_offsets=0)
    user, password = WRITER
    server = settings.ClickHouse.model_validate(
        {"url": clickhouse.url, "database": clickhouse.database, "user": user, "password": password}
    )
    migrate(settings.Settings(clickhouse=server))
    given = dict(logs(name))
    rows: list[Rows] = []
    for partition, arrivals in given.items():
        state = fresh_state(LOG, name, partition, 0)
        rows += ArchiveLane(plan, topic, state, PARTITIONS).take(arrivals).rows
    with connect(server, server.database) as client:
        for block in [*blocks(rows), *blocks(rows[1:])]:  # some of it twice, as after a crash
            insert(client, block)
        table = RawTable(client, topic, SPAN, piece_rows=100)
        pieces = table.pieces(0, NOW_MS, STEP_MS)
        assert len(pieces) > (1 if name == "player-events" else 5)
        found = pl.concat([frame for piece in pieces for frame in table.events(piece)])
    true = pl.concat([wanted(topic, arrivals) for arrivals in given.values()])
    assert true.height < sum(of.frame.height for of in rows)
    order = [EVENT_TIME, *(name for name in true.columns if name != EVENT_TIME)]
    assert_frame_equal(found.sort(order), true.sort(order))
