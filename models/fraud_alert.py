"""Alerts: suspicious purchases gathered by player, rule version and aligned window of suppression time.

Rules:
- An alert follows from its purchases alone: its id from rule, version, player and window, its score is the
  highest, its decision the strongest, its reasons those of the first purchase with the highest score.
- Evidence names each purchase's place in the log and holds the values that were judged, so that anybody can
  judge again; the first `MOST_EVIDENCE` purchases are held, all are counted.
- A message is due when an alert begins, and when its decision changes. Shadow rules give none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from models.fraud_columns import Value
from models.fraud_expression import Reason
from topics.fraud_outbox import Outgoing, updated_id
from topics.message_kinds import ALERT, UPDATED

MOST_EVIDENCE = 20
STRENGTH: Final = {"": 0, "allow": 0, "review": 1, "block": 2}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase as it was judged: its place in the log, event time (epoch ms), the features looked at.

    `rules` are all that matched it, as `id:version`; `model_score` is the model's probability, if any.
    """

    log: str
    topic: str
    partition: int
    offset: int
    time_ms: int
    features: dict[str, Value]
    rules: list[str]
    model_score: float | None
    score: float

    @property
    def place(self) -> dict[str, str | int]:
        """Say where the purchase lies."""
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase that one rule version matched."""

    game_id: str
    player_id: str
    rule_id: str
    rule_version: int
    suppress_s: int
    shadow: bool
    decision: str
    reasons: tuple[Reason, ...]
    evidence: Evidence
    kafka_ms: int
    model_version: str
    alert_id: str = ""  # of the alert that it belongs to

    def __post_init__(self) -> None:
        """Name the alert, once."""
        named = alert_id(self.game_id, self.rule_id, self.rule_version, self.player_id, self.window_ms)
        msgspec.structs.force_setattr(self, "alert_id", named)

    @property
    def window_ms(self) -> int:
        """Give the start of the window that the purchase falls in (epoch ms)."""
        size_ms = max(self.suppress_s, 1) * 1000
        return self.evidence.time_ms // size_ms * size_ms


def alert_id(game_id: str, rule_id: str, rule_version: int, player_id: str, window_ms: int) -> str:
    r"""Name an alert: the first 128 bits of SHA-256 over rule, version, player and window, in hex.

    >>> alert_id("", "card_testing", 1, "p1", 1_700_000_000_000)
    '198b6447075aede05d9988cc7f5d0945'

    """
    named = "\x1f".join((rule_id, str(rule_version), player_id, str(window_ms), game_id))
    return sha256(named.encode()).hexdigest()[:32]


class OpenAlert(msgspec.Struct, kw_only=True):
    """An alert that later purchases may still join."""

    alert_id: str
    first: Suspicion
    window_ms: int
    score: float
    decision: str
    reasons: tuple[Reason, ...]
    later: list[Evidence]  # than that of `first`
    purchases: int
    first_event_ms: int

    @property
    def evidence(self) -> list[Evidence]:
        """Give the purchases that are held, the first one first."""
        return [self.first.evidence, *self.later]

    @property
    def ends_ms(self) -> int:
        """Give the end of its window (epoch ms)."""
        return self.window_ms + max(self.first.suppress_s, 1) * 1000

    def join(self, found: Suspicion) -> bool:
        """Take one more purchase in; tells whether the decision became a stronger one."""
        self.purchases += 1
        self.first_event_ms = min(self.first_event_ms, found.evidence.time_ms)
        if len(self.later) + 1 < MOST_EVIDENCE:
            self.later.append(found.evidence)
        if found.evidence.score > self.score:
            self.score, self.reasons = found.evidence.score, found.reasons
        stronger = STRENGTH[found.decision] > STRENGTH[self.decision]
        if stronger:
            self.decision = found.decision
        return stronger


def begun(found: Suspicion) -> OpenAlert:
    """Begin an alert with its first purchase."""
    return OpenAlert(
        alert_id=found.alert_id,
        first=found,
        window_ms=found.window_ms,
        score=found.evidence.score,
        decision=found.decision,
        reasons=found.reasons,
        later=[],
        purchases=1,
        first_event_ms=found.evidence.time_ms,
    )


def message(alert: OpenAlert, found: Suspicion, kind: str) -> Outgoing:
    """Give the message that tells of an alert as it stands after a purchase."""
    name = alert.alert_id if kind == ALERT else updated_id(alert.alert_id, alert.decision)
    time = moment(found.kafka_ms)
    data = {
        "alert_id": alert.alert_id,
        "game_id": alert.first.game_id,
        "player_id": alert.first.player_id,
        "score": alert.score,
        "decision": alert.decision,
        "rule_id": alert.first.rule_id,
        "rule_version": alert.first.rule_version,
        "reasons": told(alert.reasons),
        "evidence": [of.place for of in alert.evidence],
        "shadow": alert.first.shadow,
        "model_version": alert.first.model_version,
        "first_event_time": moment(alert.first_event_ms),
        "detected_at": moment(alert.first.kafka_ms),
    }
    return Outgoing(
        id=name,
        alert_id=alert.alert_id,
        kind=kind,
        player_id=alert.first.player_id,
        rule_id=alert.first.rule_id,
        rule_version=alert.first.rule_version,
        score=alert.score,
        decision=alert.decision,
        time=time,
        body=msgspec.json.encode({"type": kind, "timestamp": time, "data": data}).decode(),
    )


def told(reasons: tuple[Reason, ...]) -> list[dict[str, Value]]:
    """Give reasons as people read them."""
    return [reason._asdict() for reason in reasons]


def moment(time_ms: int) -> str:
    """Write an epoch time (ms) as RFC 3339.

    >>> moment(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'

    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def messages_of(open_alerts: dict[str, OpenAlert], found: Suspicion) -> list[Outgoing]:
    """Let a purchase join its alert, or begin one; gives the message that is due, if any."""
    alert = open_alerts.get(found.alert_id)
    if alert is None:
        alert = open_alerts[found.alert_id] = begun(found)
        due = ALERT
    else:
        due = UPDATED if alert.join(found) else ""
    return [message(alert, found, due)] if due and not found.shadow else []
