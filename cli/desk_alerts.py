"""Alerts and their cases, as ClickHouse has them.

Rules: an alert is named by its id or by so much of its beginning that it is the only one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from cli.desk import Desk
from models.fraud_alert import Evidence
from models.fraud_expression import Reason
from topics.errors import BadInput, Broken

SHORTEST = 6  # characters of an alert's id
NAME = re.compile(rf"[0-9a-f]{{{SHORTEST},32}}")
_CASE = (
    "alert_id, game_id, player_id, rule_id, rule_version, shadow, score, decision, purchases, "
    "toUnixTimestamp64Milli(first_event_time), toUnixTimestamp64Milli(detected_at), state, assigned_to, "
    "label, labelled_by, closed_by, toUnixTimestamp64Milli(snoozed_until)"
)
_ALERT = """
SELECT alert_id, player_id, rule_id, rule_version, score, decision, reasons, evidence, purchases,
    model_version, shadow
FROM fraud_alerts WHERE startsWith(alert_id, {id:String}) ORDER BY alert_id LIMIT 2
"""


class Case(NamedTuple):
    """One row of `fraud_cases`; times are epoch ms."""

    alert_id: str
    game_id: str
    player_id: str
    rule_id: str
    rule_version: int
    shadow: bool
    score: float
    decision: str
    purchases: int
    first_event_ms: int
    detected_ms: int
    state: str
    assigned_to: str
    label: str
    labelled_by: str
    closed_by: str
    snoozed_until_ms: int | None

    @property
    def rule(self) -> str:
        """The rule and its version."""
        return f"{self.rule_id}:{self.rule_version}"


class Alert(msgspec.Struct, frozen=True):
    """One alert whole."""

    alert_id: str
    player_id: str
    rule_id: str
    rule_version: int
    score: float
    decision: str
    reasons: list[Reason]
    evidence: list[Evidence]
    purchases: int
    model_version: str
    shadow: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases are meant; an empty field means any."""

    state: str = ""
    rule: str = ""
    player: str = ""
    since_ms: int | None = None
    shadow: bool = False

    def where(self) -> tuple[str, dict[str, object]]:
        """Give the condition and its values."""
        tests, values = ["1" if self.shadow else "NOT shadow"], dict[str, object]()
        if self.state:
            tests.append("state = {state:String}")
            values["state"] = self.state
        if self.rule:
            tests.append("{rule:String} IN (rule_id, concat(rule_id, ':', toString(rule_version)))")
            values["rule"] = self.rule
        if self.player:
            tests.append("player_id = {player:String}")
            values["player"] = self.player
        if self.since_ms is not None:
            tests.append("detected_at >= fromUnixTimestamp64Milli({since:Int64})")
            values["since"] = self.since_ms
        return " AND ".join(tests), values


def cases(desk: Desk, wanted: Wanted, limit: int) -> tuple[list[Case], int]:
    """Give the newest cases, and how many there are in all."""
    where, values = wanted.where()
    order = f"ORDER BY detected_at DESC, alert_id LIMIT {limit}"
    rows = desk.ask(f"SELECT {_CASE}, count() OVER () FROM fraud_cases WHERE {where} {order}", values)  # noqa: S608
    return [_case(row[:-1]) for row in rows], int(str(rows[0][-1])) if rows else 0


def case_of(desk: Desk, alert_id: str) -> Case:
    """Give the case of an alert that is there."""
    asked = f"SELECT {_CASE} FROM fraud_cases WHERE alert_id = {{id:String}}"  # noqa: S608
    (row,) = desk.ask(asked, {"id": alert_id})
    return _case(row)


def alert_of(desk: Desk, name: str) -> Alert:
    """Give an alert by its id or its beginning.

    Raises:
        BadInput: no alert has it, or several have.

    """
    if NAME.fullmatch(name) is None:
        raise BadInput(
            f"{name!r} is no alert: give its id, or its first {SHORTEST} characters or more "
            "(./gamewax fraud cases)"
        )
    rows = desk.ask(_ALERT, {"id": name})
    if not rows:
        raise BadInput(f"there is no alert {name}: ./gamewax fraud cases --all --shadow lists them")
    if len(rows) > 1:
        raise BadInput(f"several alerts begin with {name}: give more of the id")
    named = dict(zip(Alert.__struct_fields__, rows[0], strict=True))
    named["reasons"] = [Reason(**of) for of in msgspec.json.decode(str(named["reasons"]))]
    try:
        named["evidence"] = msgspec.json.decode(str(named["evidence"]), type=list[Evidence])
        return msgspec.convert(named, Alert)
    except msgspec.ValidationError as error:
        raise Broken(f"the row of alert {rows[0][0]} in fraud_alerts cannot be read: {error}") from error


def _case(row: Sequence[object]) -> Case:
    return Case(*row)  # type: ignore[arg-type]
