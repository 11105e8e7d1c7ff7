"""Alerts against a plain grouping of their purchases."""

from __future__ import annotations

import json
import random
from collections import defaultdict

import pytest

from models.fraud_alert import (
    MOST_EVIDENCE,
    STRENGTH,
    Evidence,
    OpenAlert,
    Suspicion,
    alert_id,
    messages_of,
    moment,
)
from models.fraud_expression import Reason
from topics.fraud_outbox import Outgoing
from topics.message_kinds import ALERT, UPDATED

START_MS = 1_700_000_000_000


def suspicion(rng: random.Random, at: int) -> Suspicion:
    rule = rng.choice(("burst", "ring", "watch"))
    decision = rng.choice(("review", "block"))
    score = rng.randrange(1, 100) / 100
    return Suspicion(
        game_id=rng.choice(("", "dragons")),
        player_id=f"p{rng.randrange(4)}",
        rule_id=rule,
        rule_version=rng.choice((1, 2)),
        suppress_s=60 if rule == "burst" else 3_600,
        shadow=rule == "watch",
        decision=decision,
        reasons=(Reason("price", at, 3.5),),
        evidence=Evidence(
            log="0a1b2c3d",
            topic="purchase-events",
            partition=at % 4,
            offset=at,
            time_ms=START_MS + at * 100 + rng.randrange(-5_000, 5_000),
            features={"price": float(at)},
            rules=[f"{rule}:1"],
            model_score=None,
            score=score,
        ),
        kafka_ms=START_MS + at * 100,
        model_version="",
    )


def group_of(found: Suspicion) -> tuple[str, str, int, str, int]:
    size_ms = found.suppress_s * 1000
    start_ms = found.evidence.time_ms - found.evidence.time_ms % size_ms
    return found.game_id, found.rule_id, found.rule_version, found.player_id, start_ms


@pytest.mark.parametrize("seed", range(5))
def test_alerts_are_their_purchases_grouped(seed: int) -> None:
    rng = random.Random(seed)
    found = [suspicion(rng, at) for at in range(2_000)]
    alerts: dict[str, OpenAlert] = {}
    told = [message for of in found for message in messages_of(alerts, of)]
    groups = defaultdict(list)
    for of in found:
        groups[group_of(of)].append(of)
    assert len(alerts) == len(groups)
    for (game, rule, version, player, start_ms), members in groups.items():
        alert = alerts[alert_id(game, rule, version, player, start_ms)]
        best = max(members, key=lambda of: of.evidence.score)  # the first of the highest
        assert alert.purchases == len(members)
        assert (alert.score, alert.reasons) == (best.evidence.score, best.reasons)
        assert alert.decision == max((of.decision for of in members), key=STRENGTH.__getitem__)
        assert alert.first_event_ms == min(of.evidence.time_ms for of in members)
        assert alert.evidence == [of.evidence for of in members][:MOST_EVIDENCE]
        assert [of.kind for of in told if of.alert_id == alert.alert_id] == kinds(members)
    assert len({of.id for of in told}) == len(told)


def kinds(members: list[Suspicion]) -> list[str]:
    """Name the messages that are due: one at the beginning, one when a review becomes a block."""
    if members[0].shadow:
        return []
    became = members[0].decision == "review" and any(of.decision == "block" for of in members)
    return [ALERT, UPDATED] if became else [ALERT]


def test_a_message_says_all_that_a_receiver_needs_and_a_replay_says_the_same() -> None:
    first, second = suspicion(random.Random(1), 1), suspicion(random.Random(1), 1)
    (message,) = messages_of({}, first)
    assert messages_of({}, second) == [message]
    body = json.loads(message.body)
    assert (body["type"], body["timestamp"]) == ("fraud.alert", moment(first.kafka_ms))
    data = body["data"]
    assert data["reasons"] == [{"name": "price", "value": 1, "threshold": 3.5}]
    assert data["evidence"] == [{"topic": "purchase-events", "partition": 1, "offset": 1}]
    assert (data["alert_id"], data["rule_id"], data["player_id"]) == (
        message.id,
        first.rule_id,
        first.player_id,
    )
    assert {"score", "decision", "rule_version", "shadow", "model_version", "detected_at"} <= data.keys()
    assert isinstance(message, Outgoing)
