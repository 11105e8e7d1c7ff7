"""Incidents as messages for webhooks: when one opens, when it got worse, when it is over.

Rules: a message follows from the incident as it stood: a replay writes the same bytes under the same id. Its
body stays far below what receivers take, whatever servers are called and however many there are.
"""

from __future__ import annotations

import msgspec

from models.alarm_words import seen, told
from models.fraud_alert import moment
from models.incident import MOST_SHOWN, Incident
from models.server_alarm import Alarm
from topics.fraud_outbox import Outgoing
from topics.message_kinds import INCIDENT, INCIDENT_RESOLVED, INCIDENT_UPDATED

RULE, RULE_VERSION = "server_health", 1
LONGEST_ID, LONGEST_ID_BYTES = 100, 200  # of an id in a message, as JSON; the row holds it whole
SHORT_ID = 32  # letters of an id that takes more: JSON writes some letters with six bytes
MOST_SERVERS, MOST_PLACES = 20, 5  # that are named


def message(incident: Incident, number: int) -> Outgoing:
    """Give an incident's message, the how-manieth of it."""
    kind, time_ms = INCIDENT_UPDATED, incident.told_ms
    if incident.over_ms is not None:
        kind, time_ms = INCIDENT_RESOLVED, incident.over_ms
    elif number == 1:
        kind, time_ms = INCIDENT, incident.opened_ms
    time = moment(time_ms)
    return Outgoing(
        id=message_id(incident.incident_id, kind, number),
        alert_id=incident.incident_id,
        kind=kind,
        player_id=_short(incident.first.server_id),
        rule_id=RULE,
        rule_version=RULE_VERSION,
        score=incident.score,
        decision=incident.severity,
        time=time,
        body=msgspec.json.encode({"type": kind, "timestamp": time, "data": _content(incident)}).decode(),
    )


def message_id(incident_id: str, kind: str, number: int) -> str:
    """Name a message.

    >>> message_id("3585", INCIDENT, 1), message_id("3585", INCIDENT_UPDATED, 2)
    ('3585', '3585.2')
    >>> message_id("3585", INCIDENT_RESOLVED, 3)
    '3585.resolved'

    """
    if kind == INCIDENT_RESOLVED:
        return f"{incident_id}.resolved"
    return incident_id if kind == INCIDENT else f"{incident_id}.{number}"


def _content(incident: Incident) -> dict[str, object]:
    over_ms = incident.over_ms
    return {
        "incident_id": incident.incident_id,
        "game_id": _short(incident.game_id),
        "severity": incident.severity,
        "text": told(incident),
        "score": incident.score,
        "opened_at": moment(incident.opened_ms),
        "last_alarm_at": moment(incident.last_alarm_ms),
        "resolved_at": None if over_ms is None else moment(over_ms),
        "kinds": sorted({kind for _, kind in incident.what}),
        "metrics": sorted({_short(metric) for metric, _ in incident.what}),
        "servers": len(incident.servers),
        "server_ids": _some(incident.servers, MOST_SERVERS),
        "fleets": _some(incident.fleets, MOST_PLACES),
        "regions": _some(incident.regions, MOST_PLACES),
        "alarms": incident.alarms,
        "open_alarms": len(incident.unresolved),
        "first_alarms": [_shown(alarm) for alarm in incident.shown[:MOST_SHOWN]],
    }


def _shown(alarm: Alarm) -> dict[str, object]:
    return {
        "anomaly_id": alarm.anomaly_id,
        "server_id": _short(alarm.server_id),
        "metric": _short(alarm.metric),
        "kind": str(alarm.kind),
        "severity": alarm.severity,
        "value": alarm.value,
        "expected_low": alarm.low,
        "expected_high": alarm.high,
        "since": moment(alarm.since_ms),
        "text": seen(alarm),
    }


def _some(names: set[str], most: int) -> list[str]:
    """Give the first of some names, by the alphabet."""
    return [_short(name) for name in sorted(names - {""})[:most]]


def _short(name: str) -> str:
    if len(name) <= LONGEST_ID and len(msgspec.json.encode(name)) <= LONGEST_ID_BYTES:
        return name
    begin = name[: LONGEST_ID - 1]
    fits = len(msgspec.json.encode(begin)) <= LONGEST_ID_BYTES
    return f"{begin if fits else begin[:SHORT_ID]}…"
