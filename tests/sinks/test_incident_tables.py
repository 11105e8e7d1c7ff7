"""Alarms and incidents in their tables: what readers find there, and that the queries of the docs run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random

from models.server_alarm import CRITICAL, Change, Kind
from tests.sinks.conftest import Store
from tests.windows.alarm_logs import START_MS, Read, Reading, alarm, made
from windows.anomaly_rows import anomaly_rows

DOCS = Path(__file__).parents[2] / "docs" / "incidents.md"
CONTRACT = "game_id, server_id, metric, time, value, score, severity, kind"
FACTS = ("incident_id", "opened_at", "resolved_at", "severity", "kinds", "servers", "alarms", "open_alarms")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(START_MS / 1000 + seconds, UTC).replace(tzinfo=None)


def test_tables_show_what_became_of_alarms_and_incidents(store: Store) -> None:
    an_alarm_is_one_row_that_stays_when_it_is_resolved(store)
    incidents_are_as_they_were_told_last_whatever_was_written_on_the_way(store)


def an_alarm_is_one_row_that_stays_when_it_is_resolved(store: Store) -> None:
    opened = alarm("s1", 10)
    worse = alarm("s1", 20, Change.WORSE, opened_s=10, told=2, severity=CRITICAL)
    resolved = alarm("s1", 40, Change.RESOLVED, opened_s=10, told=3, severity=CRITICAL)
    silent = alarm("s\x00'\u202e", 30, kind=Kind.MISSED_HEARTBEAT, metric="heartbeat", game="dragons")
    writer = store.writer()
    for alarms in ([opened, silent], [resolved], [worse], [opened]):  # a replay comes late
        writer.put(anomaly_rows(alarms, 2))
        writer.flush()
    writer.close()
    assert store.rows(f"SELECT {CONTRACT} FROM server_anomalies ORDER BY time") == [
        ("", "s1", "latency", at(10), 812.3, 0.9, "critical", "shift"),
        ("dragons", "s\x00'\u202e", "heartbeat", at(30), 812.3, 0.9, "warning", "missed_heartbeat"),
    ]
    said = "latency of s1 at 812 ms, expected 14 to 60, since 22:13:10Z; over at 22:14:00Z"
    more = "since, resolved_at, expected_low, expected_high, region, text"
    assert store.rows(f"SELECT {more} FROM server_anomalies WHERE game_id = ''") == [
        (at(-10), at(40), 14.0, 60.0, "eu-west", said)
    ]


def incidents_are_as_they_were_told_last_whatever_was_written_on_the_way(store: Store) -> None:
    logs = made(17, 3)
    told, writer = read_with_ends(Reading(logs, Random(17))), store.writer()
    for rows in [*told.written, anomaly_rows([of for log in logs for of in log], 3)]:
        writer.put(rows)
    writer.close()
    shown = sorted(tuple(row[name] for name in FACTS) for row in told.shown().values())
    expected = [
        tuple(of.replace(tzinfo=None) if isinstance(of, datetime) else of for of in row) for row in shown
    ]
    assert store.rows(f"SELECT {', '.join(FACTS)} FROM server_incidents ORDER BY incident_id") == expected
    assert store.rows("SELECT count() > 0 FROM server_incidents_upserts FINAL WHERE withdrawn") == [(1,)]
    of_now, of_one = DOCS.read_text().partition("```sql\n")[2].partition("```")[0].split(";\n")[:2]
    assert store.rows(of_now) == []
    largest = max(told.shown().values(), key=lambda row: int(row["alarms"]))
    found = store.rows(of_one.replace("a096b1992a0797d30e7de6c408d341bb", str(largest["incident_id"])))
    assert len(found) == largest["alarms"]


def read_with_ends(reading: Reading) -> Read:
    """Read logs and come to the end of the input now and then."""
    while any(at < len(log) for at, log in zip(reading.at, reading.logs, strict=True)):
        reading._one_take()
        if reading.chance.random() < 0.3:
            reading.stop()
    return reading.run()
