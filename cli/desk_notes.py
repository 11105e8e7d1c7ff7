"""What people note at the desk: whose case it is, that it is closed, who is not to be told of for a while.

Rules: a note is a whole row under its key; the latest counts. Nothing here touches alerts.
"""

from __future__ import annotations

from typing import NamedTuple

from cli.desk import Desk, who
from cli.desk_alerts import Case
from cli.harmless import moment, now_ms

_SNOOZES = """
SELECT player_id, rule_id, toUnixTimestamp64Milli(until), reason, set_by, toUnixTimestamp64Milli(set_at)
FROM fraud_snoozes WHERE until > fromUnixTimestamp64Milli({now:Int64}) ORDER BY until, player_id, rule_id
"""
_ALERTS = """
SELECT count() FROM fraud_alerts WHERE player_id = {player:String} AND rule_id = {rule:String}
"""


class Snooze(NamedTuple):
    """One player and rule of whom nobody is told; times are epoch ms."""

    player_id: str
    rule_id: str
    until_ms: int
    reason: str
    set_by: str
    set_ms: int


class Note(NamedTuple):
    """Why and who."""

    reason: str
    by: str


def keep_case(desk: Desk, case: Case, state: str, assigned_to: str, note: Note) -> None:
    """Note how far a case is; it holds for the purchases that its alert has now."""
    now = now_ms()
    desk.put(
        "fraud_case_states",
        {
            "alert_id": case.alert_id,
            "state": state,
            "assigned_to": assigned_to,
            "purchases": case.purchases,
            "reason": note.reason,
            "changed_by": who(note.by),
            "changed_at_ms": now,
            "version": now,
        },
    )


def snoozes(desk: Desk) -> list[Snooze]:
    """Give what is silent now, the first to end first."""
    return [Snooze(*row) for row in desk.ask(_SNOOZES, {"now": now_ms()})]  # type: ignore[arg-type]


def snooze(desk: Desk, player_id: str, rule_id: str, for_ms: int, note: Note) -> str:
    """Let a player and rule be silent; says until when."""
    until_ms = now_ms() + for_ms
    _put(desk, player_id, rule_id, until_ms, note)
    return moment(until_ms)


def wake(desk: Desk, player_id: str, rule_id: str, note: Note) -> bool:
    """Let a player and rule be told of again; tells whether they were silent."""
    silent = any((of.player_id, of.rule_id) == (player_id, rule_id) for of in snoozes(desk))
    if silent:
        _put(desk, player_id, rule_id, now_ms(), note)
    return silent


def alerts_of(desk: Desk, player_id: str, rule_id: str) -> int:
    """Count the alerts of a player by a rule."""
    return int(str(desk.ask(_ALERTS, {"player": player_id, "rule": rule_id})[0][0]))


def _put(desk: Desk, player_id: str, rule_id: str, until_ms: int, note: Note) -> None:
    now = now_ms()
    desk.put(
        "fraud_snoozes",
        {
            "player_id": player_id,
            "rule_id": rule_id,
            "until_ms": until_ms,
            "reason": note.reason,
            "set_by": who(note.by),
            "set_at_ms": now,
            "version": now,
        },
    )
