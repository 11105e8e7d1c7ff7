"""Rules on alarms and incidents, and the one that says that nobody watches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.grafana.conftest import BEGIN, Planted
from tests.grafana.grafana_engine import firing, queries, rules

RULES = rules()
DAY_MIN = 1440


def incident(planted: Planted, game: str, severity: str, minute: int, resolved: int | None = None) -> None:
    opened = BEGIN + timedelta(minutes=minute)
    back = None if resolved is None else BEGIN + timedelta(minutes=resolved)
    names = ("game_id", "incident_id", "opened_at", "last_alarm_at", "resolved_at", "severity", "version")
    row = (game, game, opened, opened, back, severity, 1)
    planted.writer.insert("server_incidents_upserts", [row], names)


def test_a_critical_incident_fires_while_it_is_open_and_not_older_than_a_day(planted: Planted) -> None:
    for game, severity, minute, resolved in (
        ("critical", "critical", 100, None),
        ("warning", "warning", 100, None),
        ("over", "critical", 100, 130),
        ("old", "critical", 170 - DAY_MIN - 1, None),
    ):
        incident(planted, game, severity, minute, resolved)
    planted.complete_until(170)
    assert firing(planted.reader, RULES["server_incident"]) == {"critical"}


def test_silence_pages_when_more_than_half_of_the_servers_are_silent(planted: Planted) -> None:
    begin = 10_000
    for game, silent in (("half", 5), ("most", 6), ("all", 10)):
        planted.beats(game, range(begin, begin + 30), range(10))
        planted.beats(game, range(begin + 30, begin + 50), range(silent, 10) or range(1))
        planted.silent(game, begin + 30, range(silent))
    planted.beats("came_back", range(begin, begin + 30), range(10))
    planted.silent("came_back", begin + 30, range(10), back=begin + 32)
    planted.beats("left", range(begin, begin + 30), range(10))
    planted.complete_until(begin + 50)
    games = {"half", "most", "all", "came_back", "left"}
    assert firing(planted.reader, RULES["servers_silent"]) & games == {"most", "all"}


def test_silence_pages_though_the_frontier_stands_still(planted: Planted) -> None:
    """All servers fall silent in the same minute: no minute after it ever becomes complete."""
    begin = 20_000
    planted.beats("dark", range(begin, begin + 30), range(10))
    planted.complete_until(begin + 30)
    before = firing(planted.reader, RULES["servers_silent"])
    planted.silent("dark", begin + 30, range(10))
    assert firing(planted.reader, RULES["servers_silent"]) - before == {"dark"}


def test_blind_is_who_knows_no_minute_of_the_last_fifteen(planted: Planted) -> None:
    now = datetime.now(UTC)
    answers = []
    for minutes in (1, 14, 16):
        planted.complete_to(now - timedelta(minutes=minutes))
        answers.append(firing(planted.reader, RULES["slos_blind"]))
    planted.writer.command("TRUNCATE TABLE complete_windows_upserts")  # where no server ever sent anything
    answers.append(firing(planted.reader, RULES["slos_blind"]))
    assert answers == [set(), set(), {""}, set()]


def test_a_failing_query_fires_one_alert_and_changes_no_other() -> None:
    states = {name: (rule["noDataState"], rule["execErrState"]) for name, rule in RULES.items()}
    assert states.pop("slos_blind") == ("OK", "Alerting")
    assert set(states.values()) == {("OK", "KeepLast")}


def test_only_the_rule_about_ourselves_looks_at_the_clock() -> None:
    texts = [(name, sql) for name, rule in RULES.items() for sql in queries(rule).values()]
    assert {name for name, sql in texts if "now()" in sql} == {"slos_blind"}
    assert [name for name, sql in texts if "$" in sql] == []
