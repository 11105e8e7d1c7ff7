"""A window is told complete when every partition has passed its end, and again when late events change it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.windows.compare import shown
from tests.windows.logs import DECODE, START_MS, Event, Lists, Step, as_logs, logs, plan
from verify.core import Core, Snapshot, Tables
from verify.oracle import Limits

LIMITS = Limits(lateness_ms=30_000, dedup_offsets=15)
PLAN = replace(plan(LIMITS), tells_complete=True)
GAME, LEVEL = "engagement", "engagement_by_level"
Window = tuple[int, int]  # seconds, start (epoch ms)

steps = st.lists(
    st.tuples(
        st.sampled_from(["read"] * 6 + ["tick", "snapshot", "crash"]), st.integers(0, 2), st.integers(1, 25)
    ),
    max_size=40,
)


def run(lists: Lists, schedule: list[Step]) -> Tables:
    of, tables = as_logs(lists), Tables()
    core = Core(PLAN, DECODE, of, tables)
    saved: Snapshot | None = None
    for action, partition, count in schedule:
        if action == "read":
            core.read(partition, count)
        elif action == "tick":
            core.pass_time(count / 5)
        elif action == "snapshot":
            saved = core.snapshot()
        else:
            core = Core(PLAN, DECODE, of, tables, saved)
    for partition in of:
        while core.read(partition, 17):
            pass
    core.end()
    return tables


def told(tables: Tables, table: str) -> dict[Window, int]:
    """Give the events of complete windows, all shards together."""
    found: Counter[Window] = Counter()
    for row in tables.rows.get("complete_windows_upserts", {}).values():
        start_ms = int(row["window_start"].replace(tzinfo=UTC).timestamp() * 1000)
        if row["table_name"] == table:
            found[row["window_seconds"], start_ms] += row["events"]
    return dict(found)


def times(events: list[Event | None]) -> list[int]:
    return [event["timestamp"] for event in events if event is not None]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs(), steps)
def test_a_window_is_told_when_the_slowest_partition_has_passed_its_end(
    lists: Lists, schedule: list[Step]
) -> None:
    tables = run(lists, schedule)
    of = [times(events) for events in lists]
    passed_ms = min((max(ms, default=0) - LIMITS.disorder_ms for ms in of), default=0)
    counts: Counter[Window] = Counter()
    for key, row in shown(tables).whole_game.items():
        counts[key[0], key[1]] += row["events"]
    expected = {key: events for key, events in counts.items() if key[1] + key[0] * 1000 <= passed_ms}
    assert told(tables, GAME) == expected


def test_who_does_not_ask_is_told_nothing() -> None:
    lists: Lists = [
        [{"player_id": "p", "event_type": "battle", "timestamp": START_MS + s * 1000}] for s in (0, 90)
    ]
    tables = Tables()
    core = Core(plan(LIMITS), DECODE, as_logs(lists), tables)
    while core.read(0, 1) or core.read(1, 1):
        pass
    core.end()
    assert "complete_windows_upserts" not in tables.rows


def test_a_late_event_tells_its_window_again() -> None:
    def at(second: int) -> Event:
        return {"player_id": "p", "event_type": "battle", "timestamp": START_MS + second * 1000}

    tables = Tables()
    core = Core(PLAN, DECODE, as_logs([[at(0), at(1), at(20), at(2), at(3), at(21)]]), tables)
    before: list[int | None] = []
    while core.read(0, 1):
        before.append(told(tables, GAME).get((10, START_MS)))
    core.end()
    assert before[:4] == [None, None, 2, 2]
    assert told(tables, GAME) == {(10, START_MS): 4}
    assert told(tables, LEVEL) == {}
