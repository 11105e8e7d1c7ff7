"""Fraud alerts as the live view shows them, from the table `fraud_alerts`.

Rules: alerts of live rules only; nobody is told of a shadow rule's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from demo.cells import whole
from demo.figures import Alerts, Suspect

BY_RULE = """
SELECT rule_id, count(), toUnixTimestamp64Milli(max(detected_at)),
    argMax(player_id, (detected_at, alert_id)),
    argMax(decision, (detected_at, alert_id)),
    argMax(reasons, (detected_at, alert_id))
FROM fraud_alerts WHERE NOT shadow GROUP BY rule_id ORDER BY 2 DESC, 1
"""  # and the newest of each

Rows = Sequence[Sequence[object]]


class Seen(msgspec.Struct):
    """One reason of an alert."""

    name: str
    value: float | str | bool | None
    threshold: float | str | bool | None


def alerts(rows: Rows) -> Alerts:
    """Read the answer to `BY_RULE`."""
    counts = {str(rule): whole(number) for rule, number, *_ in rows}
    newest = max(rows, key=lambda row: whole(row[2]), default=None)
    if newest is None:
        return Alerts()
    rule_id, _, _, *words = map(str, newest)
    return Alerts(counts, suspect(rule_id, *words))


def suspect(rule_id: str, player_id: str, decision: str, reasons: str) -> Suspect:
    """Read one alert.

    >>> suspect("dear", "p1", "block", '[{"name":"price","value":9.5,"threshold":8}]').reasons
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
