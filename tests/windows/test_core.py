"""Any interleaving, batch size, crash point and restore gives the oracle's tables, late sets and books."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.engagement import BY_LEVEL
from tests.windows.compare import shown
from tests.windows.logs import DECODE, Lists, Step, as_logs, as_messages, logs, plan
from verify.core import Core, Snapshot, Tables
from verify.oracle import Limits, truth

TIGHT = Limits(lateness_ms=30_000, dedup_offsets=15)
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])

steps = st.lists(
    st.tuples(
        st.sampled_from(["read"] * 6 + ["tick", "snapshot", "crash"]), st.integers(0, 2), st.integers(1, 25)
    ),
    max_size=40,
)


def run(lists: Lists, schedule: list[Step], limits: Limits) -> Tables:
    of, tables = as_logs(lists), Tables()
    core = Core(plan(limits), DECODE, of, tables)
    saved: Snapshot | None = None
    for action, partition, count in schedule:
        if action == "read":
            core.read(partition, count)
        elif action == "tick":
            core.pass_time(count / 5)
        elif action == "snapshot":
            saved = core.snapshot()
        else:
            core = Core(plan(limits), DECODE, of, tables, saved)
    for partition in of:
        while core.read(partition, 17):
            pass
    core.end()
    return tables


@SLOW
@given(logs(), steps)
def test_any_interleaving_and_crash_gives_the_oracles_tables(lists: Lists, schedule: list[Step]) -> None:
    expected = truth(as_messages(lists), TIGHT)
    found = shown(run(lists, schedule, TIGHT))
    read = {key: books for key, books in found.books.items() if books[0]}
    assert found.by_level == expected.by_level
    assert found.whole_game == expected.whole_game
    assert found.late == expected.late
    assert read == expected.books


@SLOW
@given(logs(), st.integers(1, 25))
def test_a_flow_that_takes_only_some_events_accounts_for_all(lists: Lists, batch: int) -> None:
    of, tables = as_logs(lists), Tables()
    by_level = replace(plan(TIGHT), aggregates=(BY_LEVEL,))
    core = Core(by_level, DECODE, of, tables)
    for partition in of:
        while core.read(partition, batch):
            core = Core(by_level, DECODE, of, tables, core.snapshot())
    core.end()
    expected, found = truth(as_messages(lists), TIGHT), shown(tables)
    read = {key: books for key, books in found.books.items() if books[0]}
    assert (found.by_level, found.whole_game, read) == (expected.by_level, {}, expected.books)
    assert set(tables.rows) <= {"engagement_by_level_upserts", "late_events_upserts"} | {
        "accounting_upserts",
        "dead_letters_upserts",
    }


@SLOW
@given(logs(size=40), st.integers(1, 9))
def test_stopping_and_going_on_at_each_tenth_changes_nothing(lists: Lists, batch: int) -> None:
    of, tables = as_logs(lists), Tables()
    saved: Snapshot | None = None
    for tenth in range(1, 11):
        core = Core(plan(TIGHT), DECODE, of, tables, saved)
        for partition, log in of.items():
            goal = len(log.values) * tenth // 10
            while core.lanes[partition].state.next_offset < goal:
                core.read(partition, min(batch, goal - core.lanes[partition].state.next_offset))
        core.end()
        saved = core.snapshot()
    expected = truth(as_messages(lists), TIGHT)
    found = shown(tables)
    assert (found.by_level, found.whole_game, found.late) == (
        expected.by_level,
        expected.whole_game,
        expected.late,
    )


@SLOW
@given(logs(partitions=1, size=120, ids=False, spread_s=60), st.integers(1, 8))
def test_any_partitioning_gives_the_same_tables(lists: Lists, partitions: int) -> None:
    """For input without duplicates across partitions and without events beyond lateness."""
    spread = [lists[0][number::partitions] for number in range(partitions)]
    loose = Limits()
    one, many = (shown(run(of, [], loose)) for of in (lists, spread))
    assert (one.by_level, one.whole_game) == (many.by_level, many.whole_game)
    assert one.late == many.late == set()
