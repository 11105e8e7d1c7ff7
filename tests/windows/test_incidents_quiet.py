"""Partitions where nothing comes, the end of the input, logs that grow: incidents wait for nobody in vain."""

from __future__ import annotations

import random
from typing import Any

import pytest

from models.server_alarm import Change
from tests.windows.alarm_logs import END_MS, PLAN, Reading, alarm, made
from tests.windows.test_incident_rules import Step
from tests.windows.test_incidents import assert_tells, expected, facts, row_of
from windows.incidents import LOST, Alarms


def test_an_alarm_waits_for_a_partition_that_may_still_send() -> None:
    step = Step(2)
    step.take(500, alarm("a", 10))
    assert step.told.rows == {}
    step.take(20, partition=1)
    assert [row["servers"] for row in step.told.rows.values()] == [["a"]]


def test_a_silent_partition_holds_nobody_back_once_that_is_saved() -> None:
    step = Step(3)
    step.take(5, partition=1)
    step.take(100, alarm("a", 10))
    step.take(5, partition=1, quiet_s=3)
    step.take(0, partition=2, quiet_s=3)  # nothing was ever sent there
    assert step.told.rows == {}
    step.logic.snapshot()
    assert step.take(101) == ["server.incident"]


def test_where_all_is_silent_time_goes_on_with_the_silence() -> None:
    step = Step(2)
    step.take(10, alarm("a", 10), partition=0)
    step.take(4, partition=1)
    told_at = None
    for quiet_s in range(1, 13):
        if step.take(4, partition=1, quiet_s=quiet_s) + step.take(10, quiet_s=quiet_s):
            told_at = quiet_s
        step.logic.snapshot()
    assert told_at == 12  # 10 s after the alarm, by what was saved before


def test_what_a_silent_partition_sends_later_stands_where_the_others_are_after_a_crash_too() -> None:
    step = Step(2)
    step.take(100, alarm("a", 10))
    step.take(5, partition=1, quiet_s=3)
    saved = step.logic.snapshot()
    late = alarm("b", 20)
    found = []
    for again in (step, Step(2, saved)):
        again.take(101, partition=0)
        again.take(200, late, partition=1)
        again.take(200)
        found.append({name: row["servers"] for name, row in again.told.rows.items()})
    assert found[0] == found[1]
    assert list(found[0].values()) == [["a"], ["b"]]  # it stands at 100, more than a minute after


def test_a_partition_that_is_lost_holds_nobody_back_for_long() -> None:
    step = Step(2)
    step.take(5, partition=1)
    step.take(10, alarm("a", 10))
    told_after = None
    for count in range(1, 2 * LOST):
        step.logic.snapshot()
        if step.take(100 + count) and told_after is None:
            told_after = count
    assert told_after == LOST + 1


def test_news_of_silence_is_used_once() -> None:
    step = Step(2)
    step.take(5, partition=1, quiet_s=3)
    step.logic.snapshot()
    step.take(100, alarm("a", 10))
    step.logic.snapshot()  # no tick came since the last
    step.take(200)
    assert step.told.rows == {}


def test_a_partition_found_later_is_waited_for_and_changes_nothing_that_was_told() -> None:
    step = Step(1)
    step.take(100, alarm("a", 10))
    step.partitions = 2
    step.take(200, alarm("b", 150))
    assert len(step.told.rows) == 1
    step.take(300, alarm("c", 20), partition=1)
    step.take(300)
    assert sorted(row["servers"] for row in step.told.rows.values()) == [["a"], ["b", "c"]]  # c stands at 100


def over(row: dict[str, Any]) -> int | None:
    return None if row["resolved_at"] is None else round(row["resolved_at"].timestamp() * 1000)


@pytest.mark.parametrize("seed", range(25))
def test_the_end_of_the_input_writes_rows_as_they_would_be_and_moves_nothing(seed: int) -> None:
    chance = random.Random(seed)
    logs = made(seed, 1 + seed % 4)
    reading = Reading(logs, chance)
    while any(at < len(log) for at, log in zip(reading.at, logs, strict=True)):
        reading._one_take()
        known = set(reading.told.messages)
        if chance.random() < 0.3:
            reading.stop()
            read = [log[:at] for at, log in zip(reading.at, logs, strict=True)]
            shown = {name: (row["servers"], over(row)) for name, row in reading.told.shown().items()}
            assert shown == {
                of.id: (
                    sorted(of.servers),
                    of.over_ms() if not of.unresolved else over(reading.told.rows[of.id]),
                )
                for of in expected(read)
            }
            assert set(reading.told.messages) == known
    assert_tells(reading.run(), logs)


def test_a_row_that_the_end_of_the_input_wrote_is_withdrawn_when_an_earlier_alarm_comes() -> None:
    step = Step(2)
    step.take(100, alarm("a", 90))
    step.take(50, partition=1)
    step.told.take(list(step.logic.on_eof()[0]))
    (early,) = step.told.shown()
    step.take(95, alarm("b", 80), partition=1)
    step.take(100, partition=1)
    (shown,) = step.told.shown()
    assert shown != early
    assert step.row()["servers"] == ["a", "b"]
    assert list(step.told.rows) == [early, shown]
    step.take(END_MS, partition=0)
    assert step.logic._early == {}


def test_two_partitions_that_name_the_same_alarm_are_one_alarm() -> None:
    step = Step(2)
    for partition in (0, 1):
        step.take(20, alarm("a", 10), partition=partition)
    for partition in (0, 1):
        step.take(100, alarm("a", 30, Change.RESOLVED, opened_s=10, told=2), partition=partition)
    assert (step.row()["alarms"], step.row()["open_alarms"]) == (1, 0)


def test_takes_in_one_batch_are_as_takes_one_by_one() -> None:
    logs = made(3, 2)
    whole = Reading(logs, random.Random(0))
    whole._tell([Alarms(at, 2, END_MS, 0, tuple(log)) for at, log in enumerate(logs)])
    wanted = expected(logs)
    assert {name: facts(row) for name, row in whole.told.shown().items()} == {
        of.id: row_of(of) for of in wanted
    }
    assert PLAN.generation == 3
