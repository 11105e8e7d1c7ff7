"""What an incident is, when it is told and when it is over: rule by rule, through the flow's step."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.incident import FORGOTTEN_MS, GAP_MS, LONGEST_MS, SETTLE_MS
from models.server_alarm import CRITICAL, Alarm, Change, Kind
from tests.windows.alarm_logs import PLAN, START_MS, Read, alarm
from windows.incidents import Alarms, IncidentsLogic

GAP_S, SETTLE_S = GAP_MS // 1000, SETTLE_MS // 1000
LONGEST_S, FORGOTTEN_S = LONGEST_MS // 1000, FORGOTTEN_MS // 1000
RESOLVED = Change.RESOLVED


class Step:
    """The step of the flow, over some partitions, and what it has told."""

    def __init__(self, partitions: int = 1, packed: bytes | None = None) -> None:
        self.partitions, self.logic, self.told = partitions, IncidentsLogic(PLAN, packed), Read()

    def take(self, to_s: float, *alarms: Alarm, partition: int = 0, quiet_s: float = 0) -> list[str]:
        """Let a partition come to a time; gives the kinds of messages that this made due."""
        known = set(self.told.messages)
        to_ms, quiet_ms = START_MS + round(to_s * 1000), round(quiet_s * 1000)
        took = Alarms(partition, self.partitions, to_ms, quiet_ms, alarms)
        self.told.take(list(self.logic.on_batch([took])[0]))
        return [of.kind for name, of in self.told.messages.items() if name not in known]

    def row(self) -> dict[str, Any]:
        (row,) = self.told.shown().values()
        return row


def resolved(server: str, opened_s: float, at_s: float, told: int = 2) -> Alarm:
    return alarm(server, at_s, RESOLVED, opened_s=opened_s, told=told)


def test_a_fleet_that_alarms_within_seconds_is_one_incident_with_one_message() -> None:
    step = Step(4)
    for number in range(500):
        at_s = number / 100
        step.take(at_s, alarm(f"server_{number:03d}", at_s), partition=number % 4)
    for partition in range(4):
        step.take(30, partition=partition)
    (message,) = step.told.messages.values()
    said = json.loads(message.body)
    assert (message.kind, said["data"]["servers"], said["data"]["alarms"]) == ("server.incident", 500, 500)
    assert said["data"]["text"] == (
        "500 servers in eu-west: latency shift; "
        "first: latency of server_000 at 812 ms, expected 14 to 60, since 22:13:00Z"
    )
    for number in range(500):
        step.take(100 + number, resolved(f"server_{number:03d}", number / 100, 100 + number), partition=0)
        assert len(step.told.messages) == 1
    for partition in range(4):
        step.take(700, partition=partition)
    assert [of.kind for of in step.told.messages.values()] == ["server.incident", "server.incident.resolved"]
    assert (step.row()["open_alarms"], step.row()["resolved_at"].timestamp() * 1000) == (
        0,
        START_MS + 599_000,
    )


def test_a_message_waits_so_that_it_tells_the_whole_fleet() -> None:
    step = Step()
    assert step.take(0, alarm("a", 0)) == []
    assert step.take(SETTLE_S, alarm("b", SETTLE_S)) == []  # a time is passed when something later was seen
    assert step.take(SETTLE_S + 0.001) == ["server.incident"]
    (message,) = step.told.messages.values()
    assert json.loads(message.body)["data"]["server_ids"] == ["a", "b"]


def test_an_update_is_told_when_servers_doubled_or_it_got_severer_and_at_no_other_time() -> None:
    step = Step()
    step.take(11, alarm("a", 0), alarm("b", 0))
    assert (
        step.take(30, alarm("a", 20, metric="cpu_load"), alarm("c", 20)) == []
    )  # three servers, told were two
    assert step.take(50, alarm("d", 35)) == ["server.incident.updated"]
    assert step.take(70, alarm("a", 55, Change.WORSE, opened_s=0, told=2, severity=CRITICAL)) == [
        "server.incident.updated"
    ]
    assert step.take(90, alarm("b", 75, Change.WORSE, opened_s=0, told=2, severity=CRITICAL)) == []
    severities = [json.loads(of.body)["data"]["severity"] for of in step.told.messages.values()]
    assert severities == ["warning", "warning", "critical"]


@pytest.mark.parametrize(("pause_s", "incidents"), [(GAP_S, 1), (GAP_S + 0.001, 2)])
def test_a_longer_pause_parts_incidents(pause_s: float, incidents: int) -> None:
    step = Step()
    step.take(0, alarm("a", 0), resolved("a", 0, 0))
    step.take(10_000, alarm("b", pause_s))
    assert len(step.told.rows) == incidents


def test_alarms_of_games_are_incidents_of_their_own() -> None:
    step = Step()
    step.take(20, alarm("a", 0, game="dragons"), alarm("a", 0, game="racing"))
    assert sorted(row["game_id"] for row in step.told.rows.values()) == ["dragons", "racing"]


def test_an_incident_is_over_when_all_is_resolved_and_no_more_can_join() -> None:
    step = Step()
    step.take(40, alarm("a", 0), alarm("b", 30), resolved("a", 0, 35), resolved("b", 30, 38))
    assert step.row()["resolved_at"] is None
    assert step.take(30 + GAP_S) == ["server.incident.updated"]
    assert step.take(30 + GAP_S + 0.001) == ["server.incident.resolved"]
    assert step.row()["resolved_at"].timestamp() * 1000 == START_MS + 38_000


def test_what_never_ends_is_told_anew_every_hour() -> None:
    step = Step()
    for minute in range(150):
        step.take(minute * GAP_S, alarm(f"s{minute % 3}", minute * GAP_S))
    step.take(150 * GAP_S)
    opened = sorted(row["opened_at"].timestamp() - START_MS // 1000 for row in step.told.rows.values())
    assert opened == [0, LONGEST_S + GAP_S, 2 * (LONGEST_S + GAP_S)]


def test_an_alarm_that_nobody_resolves_catches_no_later_one_and_is_given_up_after_a_day() -> None:
    step = Step()
    step.take(100, alarm("a", 0))
    step.take(200, alarm("b", 150), resolved("b", 150, 160))
    assert len(step.told.rows) == 2
    assert step.take(FORGOTTEN_S) == ["server.incident.resolved"]  # that of b, long ago
    assert step.take(FORGOTTEN_S + 1) == ["server.incident.resolved"]
    given_up = next(row for row in step.told.rows.values() if row["servers"] == ["a"])
    assert given_up["open_alarms"] == 1
    assert given_up["text"].endswith("; given up after a day without news, 1 alarm was never resolved")
    assert given_up["resolved_at"].timestamp() == START_MS // 1000 + FORGOTTEN_S
    assert step.take(FORGOTTEN_S + 9, resolved("a", 0, FORGOTTEN_S + 5)) == []
    again = alarm("a", FORGOTTEN_S + 15, Change.WORSE, opened_s=0, told=2, severity=CRITICAL)
    assert step.take(FORGOTTEN_S + 40, again) == ["server.incident"]


def test_what_is_over_is_forgotten() -> None:
    step = Step()
    empty = len(IncidentsLogic(PLAN, None).snapshot())
    for number in range(50):
        at_s = number * 1000
        step.take(at_s + 500, alarm(f"s{number}", at_s), resolved(f"s{number}", at_s, at_s + 100))
    assert len(step.told.rows) == 50
    assert len(step.logic.snapshot()) < empty + 30
    held = step.logic._incidents
    step.take(50_000 + FORGOTTEN_S + 1)
    assert not any((held.open, held._newest, held._of_alarm, held._due_ms, held._due))


def test_of_alarms_at_one_place_the_first_by_name_names_the_incident() -> None:
    found = []
    for servers in ("abc", "cab"):
        step = Step()
        for server in servers:
            step.take(10, alarm(server, 10))
        step.take(60)
        found += list(step.told.messages)
    assert len(set(found)) == 1


def test_times_of_a_row_are_those_of_its_alarms() -> None:
    step = Step()
    step.take(20, alarm("b", 3, kind=Kind.FLATLINE), alarm("a", 5, metric="cpu_load"))
    times = {name: step.row()[name].timestamp() * 1000 - START_MS for name in ("opened_at", "last_alarm_at")}
    assert times == {"opened_at": 3_000, "last_alarm_at": 5_000}
    assert (step.row()["kinds"], step.row()["metrics"]) == (["flatline", "shift"], ["cpu_load", "latency"])
