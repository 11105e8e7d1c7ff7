"""After a planned stop nothing is written again; after a crash all is, and the version makes it harmless."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.windows.logs import DECODE, Lists, as_logs, logs, plan
from verify.core import Core, Log, Snapshot, Tables
from verify.oracle import Limits
from windows.plan import NEVER
from windows.rows import Rows

LIMITS = Limits(lateness_ms=30_000, dedup_offsets=15)
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(slots=True)
class Counting(Tables):
    """Tables that count what is inserted into them."""

    inserted: int = 0

    def write(self, rows: Rows) -> None:
        self.inserted += rows.frame.height
        Tables.write(self, rows)


def read_all(of: dict[int, Log], tables: Tables, batch: int) -> Core:
    core = Core(plan(LIMITS), DECODE, of, tables)
    for partition, lane in core.lanes.items():
        core.route(lane.raise_floor(NEVER))
        while core.read(partition, batch):
            pass
    return core


def started_again(of: dict[int, Log], saved: Snapshot) -> int:
    """Start from a snapshot, greet and wait as a flow does, end; gives the rows that were written."""
    tables = Counting()
    core = Core(plan(LIMITS), DECODE, of, tables, saved)
    core.pass_time(5)
    for lane in core.lanes.values():
        core.route(lane.raise_floor(lane.state.floor_ms))
    core.snapshot()
    core.pass_time(5)
    core.end()
    return tables.inserted


@FEW
@given(logs(), st.integers(1, 25))
def test_a_planned_stop_leaves_nothing_to_write_again(lists: Lists, batch: int) -> None:
    of = as_logs(lists)
    core = read_all(of, Tables(), batch)
    core.end()
    assert started_again(of, core.snapshot()) == 0


@FEW
@given(logs(), st.integers(1, 25))
def test_a_crash_leaves_every_open_window_and_the_books_to_write(lists: Lists, batch: int) -> None:
    of = as_logs(lists)
    core = read_all(of, Tables(), batch)
    core.pass_time(5)
    books = len(of) * len(LIMITS.sizes_s)
    windows = core.live_windows()
    assert started_again(of, core.snapshot()) >= books + (windows > 0)
