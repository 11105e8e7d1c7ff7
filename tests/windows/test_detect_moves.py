"""The watch over servers when its topic gets more partitions: who goes on in another one is not missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from models.server_watch import COLUMNS, METRICS
from windows.detect import WatchLogic
from windows.incidents import Alarms
from windows.operator import Clock
from windows.plan import Plan
from windows.take import Quiet, Take, fresh_state

START = datetime(2026, 11, 1, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
PLAN = Plan("server_health", ())


def take(*names: str, begin_s: int, end_s: int) -> Take:
    """A sample a second of each server, from a second on, before another one."""
    rows = [
        {
            "game_id": "",
            "server_id": name,
            "event_time": START_MS + second * 1000,
            "kafka_time_ms": START_MS + second * 1000 + 5,
            "fleet_id": None,
            "region": None,
            "state": None,
            **dict.fromkeys(METRICS, 1.0),
        }
        for second in range(begin_s, end_s)
        for name in names
    ]
    return Take(fresh_state("0a1b2c3d", "server-metrics", 0, 0), events=pl.DataFrame(rows).select(COLUMNS))


def watch(partitions: int, at_s: int, packed: bytes | None = None) -> WatchLogic:
    clock = Clock(lambda: START + timedelta(seconds=at_s), timedelta(days=1))
    return WatchLogic(PLAN, clock, partitions, packed)


def missed(logic: WatchLogic, *takes: Take) -> list[str]:
    found = [of for of in logic.on_batch(list(takes))[0] if isinstance(of, Alarms)]
    return [alarm.server_id for of in found for alarm in of.alarms if alarm.metric == "heartbeat"]


@pytest.mark.parametrize(("partitions", "silent"), [(4, ["goes"]), (8, [])])
def test_only_where_partitions_became_more_a_silent_server_may_have_moved(
    partitions: int, silent: list[str]
) -> None:
    before = watch(4, 100)
    assert missed(before, take("stays", "goes", begin_s=0, end_s=100)) == []
    after = watch(partitions, 100, before.snapshot())
    assert missed(after, take("stays", begin_s=100, end_s=200)) == silent


TICK = Take(fresh_state("0a1b2c3d", "server-metrics", 0, 0), quiet=Quiet(0, 5_000, 8_500))


def test_proven_silence_tells_who_is_missed_once_a_snapshot_holds_it() -> None:
    logic = watch(4, 100)
    assert missed(logic, take("a", "b", begin_s=0, end_s=100)) == []
    assert missed(logic, TICK) == []
    packed = logic.snapshot()
    assert missed(logic, TICK) == ["a", "b"]
    assert missed(logic, TICK) == []
    after_a_crash = watch(4, 110, packed)
    assert missed(after_a_crash, TICK) == ["a", "b"]


def test_who_comes_back_before_the_snapshot_is_told_behind_the_alarm_and_not_lost() -> None:
    logic = watch(4, 100)
    before = logic.on_batch([take("a", begin_s=0, end_s=100)]) and logic.snapshot()
    back = take("a", begin_s=110, end_s=111)
    assert missed(logic, TICK, back) == []
    logic.snapshot()
    assert missed(logic, TICK) == ["a", "a"]  # opened, resolved
    assert missed(watch(4, 100, before), back) == []  # a crash before it: nobody had been told
