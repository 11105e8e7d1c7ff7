"""Fraud labels: what people found out about purchases; one JSON object a message, keyed by the player.

Rules: a label is known from its record's Kafka time on, never earlier. It names its purchase by place (log,
topic, partition, offset), by `transaction_id`, or all purchases of an alert by `alert_id`. Of two labels of
the same purchase the later counts. Labels are kept for ever: a model learns from them.
"""

from __future__ import annotations

import msgspec

from topics.fields import Flag, Id, Key, Text, Time, Whole
from topics.topic import Topic


class FraudLabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person or a bank says of a purchase: it was fraud, or it was not."""

    player_id: Key
    fraud: Flag
    alert_id: Key | None = None
    log: Key | None = None
    topic: Key | None = None
    partition: Whole | None = None
    offset: Whole | None = None
    transaction_id: Id | None = None
    item_id: Key | None = None
    game_id: Id = ""
    currency: Text | None = None
    purchase_timestamp: Time | None = None
    labelled_by: Text | None = None
    reason: Text | None = None


TOPIC = Topic("fraud-labels", key="player_id", time=None, event=FraudLabel, kept_for_ever=True)
