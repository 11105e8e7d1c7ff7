"""Fraud alerts as the live view shows them, from the table `fraud_alerts`.

Rules: alerts of live rules only; nobody is told of a shadow rule's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from demo.cells import whole
from demo.figures import Alerts, Suspect

BY_RULE = "SELECT rule_id, count() FROM fraud_alerts WHERE NOT shadow GROUP BY rule_id ORDER BY 2 DESC, 1"
NEWEST = """
SELECT player_id, rule_id, decision, reasons FROM fraud_alerts WHERE NOT shadow
ORDER BY detected_at DESC, alert_id LIMIT 1
"""

Rows = Sequence[Sequence[object]]


class Seen(msgspec.Struct):
    """One reason of an alert."""

    name: str
    value: float | str | bool | None
    threshold: float | str | bool | None


def alerts(by_rule: Rows, newest: Rows) -> Alerts:
    """Put the answers to both questions together."""
    counts = {str(rule): whole(number) for rule, number in by_rule}
    return Alerts(counts, next((suspect(*map(str, row)) for row in newest), None))


def suspect(player_id: str, rule_id: str, decision: str, reasons: str) -> Suspect:
    """Read one alert.

    >>> suspect("p1", "dear", "block", '[{"name":"price","value":9.5,"threshold":8}]').reasons
    ('price 9.5 (limit 8)',)

    """
    seen = msgspec.json.decode(reasons, type=list[Seen])
    return Suspect(player_id, rule_id, decision, tuple(map(words, seen)))


def words(reason: Seen) -> str:
    """Say what was seen, and against which limit if there is one."""
    said = f"{reason.name} {figure(reason.value)}"
    return said if reason.threshold is None else f"{said} (limit {figure(reason.threshold)})"


def figure(value: float | str | bool | None) -> str:  # noqa: FBT001  a value of JSON
    """Write a value as short as people read it."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
