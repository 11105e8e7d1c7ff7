"""Incidents are the same for every order of arrival, every cut of the log and after every crash."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.incident_oracle import Group, groups
from tests.windows.alarm_logs import END_MS, Log, Read, Reading, made

SEEDS = range(60)


def expected(logs: list[Log]) -> list[Group]:
    return groups([(of.seen_ms, of) for log in logs for of in log])


def assert_tells(read: Read, logs: list[Log]) -> None:
    wanted = expected(logs)
    assert {name: facts(row) for name, row in read.shown().items()} == {of.id: row_of(of) for of in wanted}
    tellings = {
        (of.id, number): (how, at)
        for of in wanted
        for number, (at, how) in enumerate(of.tellings())
        if at < END_MS
    }
    assert {key(of.id, of.kind) for of in read.messages.values()} == {
        (name, number if how == "updated" else how) for (name, number), (how, _) in tellings.items()
    }
    stood = {of.id: of for of in wanted}
    for message in read.messages.values():
        name, number = key(message.id, message.kind)
        at = next(at for (of, count), (how, at) in tellings.items() if of == name and number in {count, how})
        then = stood[name].until(at)
        told = json.loads(message.body)["data"]
        assert (told["servers"], told["alarms"], told["open_alarms"], told["severity"]) == (
            len(then.servers),
            len(then.openings),
            len(then.unresolved),
            then.severity,
        )


def key(message_id: object, kind: str) -> tuple[str, object]:
    name, _, rest = str(message_id).partition(".")
    how = kind.removeprefix("server.incident").removeprefix(".") or "opened"
    return name, int(rest) - 1 if how == "updated" else how


def row_of(of: Group) -> dict[str, object]:
    return {
        "game_id": of.changes[0].game_id,
        "opened_at": of.changes[0].time_ms,
        "last_alarm_at": max(alarm.time_ms for _, alarm in of.openings),
        "resolved_at": of.over_ms(),
        "severity": of.severity,
        "kinds": sorted({str(alarm.kind) for alarm in of.changes}),
        "servers": sorted(of.servers),
        "metrics": sorted({alarm.metric for alarm in of.changes}),
        "alarms": len(of.openings),
        "open_alarms": len(of.unresolved),
        "version": 3 << 48 | (len(of.changes) + 1) << 8 | 255,
    }


def facts(row: dict[str, Any]) -> dict[str, object]:
    times = ("opened_at", "last_alarm_at", "resolved_at")
    left = {"incident_id", "text", "withdrawn", *times}
    return {name: round(row[name].timestamp() * 1000) for name in times} | {
        name: value for name, value in row.items() if name not in left
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_every_reading_of_a_log_tells_what_its_grouping_in_order_gives(seed: int) -> None:
    logs = made(seed, 1 + seed % 4)
    chance = random.Random(seed)
    for crashes in (0.0, 0.1):
        assert_tells(Reading(logs, chance, crashes).run(), logs)
