"""Alarms and incidents as rows of their tables.

Rules: a row is whole; its version counts what it has taken in, so a replay changes nothing. A row that was
written early, at an end of the input, gives way to one of the same count from a later end, or in its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from models.alarm_words import said, told
from models.incident import Incident
from models.server_alarm import Alarm, Change
from windows.rows import Rows

ANOMALIES, INCIDENTS = "server_anomalies_upserts", "server_incidents_upserts"
STAGES, IN_TIME = 8, 255  # low bits of a version: at which end of the input it was written, or in its time
_TIME = pl.Datetime("ms", "UTC")
_ANOMALY = {
    "value": pl.Float64,
    "score": pl.Float64,
    "expected_low": pl.Float64,
    "expected_high": pl.Float64,
    "resolved_at": pl.Int64,
    "version": pl.UInt64,
}
_INCIDENT: dict[str, type[pl.DataType] | pl.DataType] = {
    "resolved_at": pl.Int64,
    "servers": pl.List(pl.String()),
    "alarms": pl.UInt64,
    "open_alarms": pl.UInt64,
    "withdrawn": pl.Boolean,
    "version": pl.UInt64,
}


def anomaly_rows(alarms: Sequence[Alarm], generation: int) -> Rows:
    """Give the rows of `server_anomalies_upserts` for alarms as they stand after each change."""
    frame = pl.DataFrame(
        [
            {
                "game_id": alarm.game_id,
                "server_id": alarm.server_id,
                "metric": alarm.metric,
                "time": alarm.opened_ms,
                "value": alarm.value,
                "score": alarm.score,
                "severity": alarm.severity,
                "kind": str(alarm.kind),
                "anomaly_id": alarm.anomaly_id,
                "expected_low": alarm.low,
                "expected_high": alarm.high,
                "since": alarm.since_ms,
                "fleet_id": alarm.fleet_id,
                "region": alarm.region,
                "resolved_at": alarm.time_ms if alarm.change is Change.RESOLVED else None,
                "text": said(alarm),
                "version": generation << 48 | alarm.told,
            }
            for alarm in alarms
        ],
        schema_overrides=_ANOMALY,
    )
    return Rows(ANOMALIES, frame.with_columns(pl.col("time", "since", "resolved_at").cast(_TIME)))


def incident_rows(incidents: Iterable[Incident], generation: int) -> Rows:
    """Give the rows of `server_incidents_upserts` for incidents as they stand."""
    return _rows([_incident(of, generation, IN_TIME) for of in incidents])


def early_rows(incidents: Iterable[Incident], generation: int, ends: int) -> Rows:
    """Give rows of incidents as they would stand if nothing came any more, at the how-manieth end."""
    return _rows([_incident(of, generation, min(ends, IN_TIME - 1)) for of in incidents])


def withdrawn_rows(incidents: Iterable[Incident], generation: int, ends: int = IN_TIME) -> Rows:
    """Give rows that take early ones back: what came later grouped their alarms in another way."""
    rows = [_incident(of, generation, min(ends, IN_TIME)) for of in incidents]
    return _rows([{**row, "withdrawn": True} for row in rows])


def _incident(of: Incident, generation: int, stage: int) -> dict[str, object]:
    return {
        "game_id": of.game_id,
        "incident_id": of.incident_id,
        "opened_at": of.opened_ms,
        "last_alarm_at": of.last_alarm_ms,
        "resolved_at": of.over_ms,
        "severity": of.severity,
        "kinds": sorted({kind for _, kind in of.what}),
        "servers": sorted(of.servers),
        "metrics": sorted({metric for metric, _ in of.what}),
        "alarms": of.alarms,
        "open_alarms": len(of.unresolved),
        "text": told(of),
        "withdrawn": False,
        "version": generation << 48 | of.changes << STAGES | stage,
    }


def _rows(rows: list[dict[str, object]]) -> Rows:
    frame = pl.DataFrame(rows, schema_overrides=_INCIDENT)
    return Rows(
        INCIDENTS, frame.with_columns(pl.col("opened_at", "last_alarm_at", "resolved_at").cast(_TIME))
    )
