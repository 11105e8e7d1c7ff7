"""What counts as a gap, and how a lane goes on behind one: without Kafka."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.gaps import Gap, Kind, behind, find, of_one_log, skipped, told
from sources.kafka_client import Bounds, Log
from tests.windows.compare import shown
from tests.windows.logs import DECODE, START_MS, Lists, as_logs, as_messages, logs, plan
from verify.core import Core, Tables
from verify.oracle import Limits, truth
from windows.accounting import Accounts, unpack_accounts
from windows.plan import NEVER, SHARDS, CellId, Plan
from windows.slot import Folded, Share, Slot
from windows.take import Arrivals, LaneState, fresh_state

LOG = Log("new", "player-events", 2)
PLAN = Plan("engagement", (), (10,), dedup_offsets=100)


def lane(log: str, partition: int, next_offset: int, **more: object) -> LaneState:
    return msgspec.structs.replace(fresh_state(log, LOG.topic, partition, next_offset), **more)


@pytest.mark.parametrize(
    ("log", "saved", "held", "kinds"),
    [
        ("new", 10, Bounds(0, 10), []),
        ("new", 10, Bounds(10, 10), []),
        ("new", 10, Bounds(12, 20), [("expired", 10, 12)]),
        ("new", 10, Bounds(0, 7), [("cut", 7, 10)]),
        ("new", 10, Bounds(0, 0), [("cut", 0, 10)]),
        ("old", 10, Bounds(0, 20), [("recreated", 10, None)]),
        ("old", 10, Bounds(3, 20), [("recreated", 10, None), ("expired", 0, 3)]),
    ],
)
def test_what_is_missing_follows_from_where_a_lane_stands_and_what_the_log_holds(
    log: str, saved: int, held: Bounds, kinds: list[tuple[str, int, int | None]]
) -> None:
    found = find(LOG, {1: held}, [lane(log, 1, saved)])
    assert [(str(gap.kind), gap.first, gap.end) for gap in found] == kinds


def test_a_partition_that_the_topic_has_no_more_is_gone_with_its_log_until_somebody_went_on() -> None:
    old = [lane("old", number, 5) for number in range(3)]
    held = {number: Bounds(0, 4) for number in range(2)}
    assert [gap.kind for gap in find(LOG, held, of_one_log(old))] == [Kind.RECREATED] * 3
    on = [*(behind(state, LOG, held[state.partition], "earliest", PLAN) for state in old[:2]), old[2]]
    assert find(LOG, held, of_one_log(on)) == []


def test_latest_leaves_out_what_the_log_holds_of_the_partitions_with_gaps() -> None:
    held = {0: Bounds(12, 20), 1: Bounds(0, 30)}
    gaps = find(LOG, held, [lane("new", 0, 10), lane("new", 1, 10)])
    assert skipped(LOG, held, gaps) == [Gap(Kind.SKIPPED, "new", LOG.topic, 0, 12, 20, "new")]
    assert told(gaps) == "player-events/0: 2 messages (10 to 11) expired before they were read"


@pytest.mark.parametrize(
    ("held", "answer", "start"),
    [
        (Bounds(12, 20), "earliest", 12),
        (Bounds(12, 20), "latest", 20),
        (Bounds(0, 7), "earliest", 7),
        (Bounds(0, 7), "latest", 7),
    ],
)
def test_a_lane_goes_on_in_its_log_with_its_counts_and_a_higher_version(
    held: Bounds, answer: str, start: int
) -> None:
    was = lane("new", 0, 10, newest_ms=5_000, read=10, dead=1)
    now = behind(was, LOG, held, answer, PLAN)
    assert (now.next_offset, now.read, now.dead, now.newest_ms) == (start, 10, 1, 5_000)
    assert now.version > was.version
    assert now.skipped == ([(10, start)] if start > 10 else [])
    assert find(LOG, {0: held}, [now]) == []


def test_a_lane_of_a_topic_created_anew_begins_at_nothing_and_keeps_the_old_promise() -> None:
    was = lane("old", 0, 10, newest_ms=50_000, read=10, generation=3)
    now = behind(was, LOG, Bounds(0, 20), "earliest", PLAN)
    assert (now.log, now.next_offset, now.read, now.newest_ms, now.generation) == ("new", 0, 0, NEVER, 3)
    assert now.guarantee_ms(PLAN) == was.guarantee_ms(PLAN) == 48_000


def test_what_was_skipped_is_no_part_of_what_the_ring_remembers() -> None:
    arrivals = Arrivals([b"a", b"b", b"c", b"d"], np.arange(5, 9), np.zeros(4, np.int64), [None] * 4)
    left = arrivals.outside([(6, 8), (100, 200)])
    assert (list(left.values), left.offsets.tolist()) == ([b"a", b"d"], [5, 8])
    assert arrivals.outside([]) is arrivals


def test_two_logs_of_a_partition_have_books_of_their_own() -> None:
    """Receipts of the new log may come before its lane's word."""
    books = Accounts(PLAN)
    books.note(lane("old", 0, 10, read=10))
    books.note(Folded(0, 10, 10, "old"))
    books = unpack_accounts(PLAN, books.pack())
    assert (rows := books.rows()) is not None
    assert rows.frame["aggregated"].to_list() == [10]
    books.note(Folded(0, 10, 4, "new"))
    books.note(lane("new", 0, 5, read=5, dead=1))
    assert (rows := books.rows()) is not None
    assert rows.frame.select("log", "read", "aggregated", "dead").rows() == [("new", 5, 4, 1)]


def test_a_slot_waits_no_more_for_partitions_that_a_new_log_has_not() -> None:
    slot = Slot(PLAN, CellId("", 10, 0, SHARDS - 1))
    for number in range(4):
        slot.fold(Share(slot.cell, number, 4, 1_000_000 + number, log="old"))
    slot.fold(Share(slot.cell, 0, 2, 9_000_000, log="new"))
    slot.fold(Share(slot.cell, 1, 2, 9_000_000, log="new"))
    slot.out_of_reach()
    assert slot.closed_ms == PLAN.closed_before(9_000_000)


@settings(max_examples=40, deadline=None)
@given(logs(), st.integers(1, 25), st.integers(0, 6))
def test_windows_before_a_recovery_are_left_alone_and_all_others_come_out_true(
    lists: Lists, batch: int, minute: int
) -> None:
    limits = Limits(lateness_ms=30_000, dedup_offsets=15)
    from_ms = -(-START_MS // 60_000) * 60_000 + minute * 60_000
    of, tables = as_logs(lists), Tables()
    core = Core(replace(plan(limits), from_ms=from_ms, generation=2), DECODE, of, tables)
    for partition in of:
        while core.read(partition, batch):
            pass
    core.end()
    true, found = truth(as_messages(lists), limits), shown(tables)
    assert found.by_level == {key: row for key, row in true.by_level.items() if key[1] >= from_ms}
    assert found.whole_game == {key: row for key, row in true.whole_game.items() if key[1] >= from_ms}
    reasons = {row["reason"] for row in tables.rows.get("late_events_upserts", {}).values()}
    assert reasons <= {"recovered", "beyond_lateness"}
    assert found.late >= true.late
    for place, (read, aggregated, late, dead, duplicates) in found.books.items():
        assert read == aggregated + late + dead + duplicates
        assert (read, dead, duplicates) == (true.books[place][0], *true.books[place][3:]) if read else True
