"""Marks of who watches a fleet, on a few faults and pages."""

from dataclasses import replace

import pytest

from models.server_alarm import HEARTBEAT
from simulator.faults import Fault
from simulator.loads import CPU, LATENCY, MEMORY, TICK
from verify.fleet_marks import Found, Marks, Page, marked

MINUTE, HOUR = 60_000, 3_600_000
SPIKE = Fault("spike", 0, 10 * HOUR, 10 * HOUR + 3 * MINUTE, (LATENCY, TICK), 0.5)
STEP = Fault("step", 1, 10 * HOUR, 14 * HOUR, (CPU,), 0.5)
LEAK = Fault("leak", 2, 10 * HOUR, 13 * HOUR, (MEMORY,), 0.5)
SILENCE = Fault("silence", 0, 20 * HOUR, 20 * HOUR + 5 * MINUTE, (), 0.5)
FAULTS = [SPIKE, STEP, LEAK, SILENCE]
GOOD = [
    Page(0, TICK, "spike", 10 * HOUR + 20_000),
    Page(1, CPU, "shift", 10 * HOUR + 29 * MINUTE),
    Page(2, MEMORY, "shift", 12 * HOUR),
    Page(0, HEARTBEAT, "missed_heartbeat", 20 * HOUR + 30_000),
]


def marks(*pages: Page) -> Marks:
    return marked("ours", pages, FAULTS, 10)


def test_who_tells_of_every_fault_in_time_and_of_nothing_else_has_full_marks() -> None:
    found = marks(*GOOD)
    assert (found.recall, found.false_a_day, found.false) == (1.0, 0.0, ())
    assert found.found == tuple(
        Found(fault, page.at_ms - fault.from_ms) for fault, page in zip(FAULTS, GOOD, strict=True)
    )
    assert [found.of(fault.sort) for fault in FAULTS] == [(1, 20), (1, 29 * 60), (1, 7_200), (1, 30)]


@pytest.mark.parametrize(
    "page",
    [
        Page(1, TICK, "spike", 10 * HOUR + 20_000),  # another server
        Page(0, CPU, "spike", 10 * HOUR + 20_000),  # a metric that it does not touch
        Page(0, TICK, "spike", 10 * HOUR - 1),  # before
        Page(0, TICK, "spike", 10 * HOUR + 4 * MINUTE),  # a minute after its end
        Page(1, CPU, "shift", 10 * HOUR + 30 * MINUTE),  # half an hour into a step
        Page(2, MEMORY, "shift", 13 * HOUR),  # full
        Page(0, CPU, "missed_heartbeat", 20 * HOUR + 30_000),  # a silence is no metric's
    ],
)
def test_a_page_about_something_else_or_at_another_time_finds_nothing(page: Page) -> None:
    found = marks(page)
    assert found.recall == 0
    assert {one.delay_ms for one in found.found} == {None}


def test_the_first_page_counts_and_the_middle_delay_is_told() -> None:
    found = marks(*GOOD, GOOD[0]._replace(at_ms=10 * HOUR + 5_000), GOOD[0]._replace(metric=LATENCY))
    assert found.of("spike") == (1, 5.0)
    assert marks(*GOOD[1:]).of("spike") == (0, None)


@pytest.mark.parametrize(
    ("page", "false"),
    [
        (Page(0, TICK, "spike", 10 * HOUR - 1), True),
        (Page(0, MEMORY, "shift", 10 * HOUR), False),  # whatever else happens in a fault
        (Page(1, CPU, "shift", 14 * HOUR + 30 * MINUTE - 1), False),  # it settles
        (Page(1, CPU, "shift", 14 * HOUR + 30 * MINUTE), True),
        (Page(3, HEARTBEAT, "missed_heartbeat", 20 * HOUR + 30_000), True),
    ],
)
def test_a_page_in_no_fault_is_false(page: Page, *, false: bool) -> None:
    found = marks(*GOOD, page)
    assert (found.false, found.false_a_day) == (((page,), 0.1) if false else ((), 0.0))


def test_better_is_who_finds_more_and_is_wrong_less_often() -> None:
    wrong = Page(3, CPU, "spike", 0)
    ours, theirs = marks(*GOOD), marks(*GOOD[1:], wrong)
    assert ours.beats(theirs)
    assert not theirs.beats(ours)
    assert not ours.beats(ours)
    assert not marks(*GOOD, wrong, wrong).beats(theirs)
    assert not replace(ours, false=(wrong,)).beats(theirs)
