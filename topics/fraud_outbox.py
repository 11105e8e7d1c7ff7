"""Topic `fraud-outbox`: what is to be told to those who receive webhooks, keyed by the player or server.

Rules: `body` is the text to send, byte for byte; the dispatcher keeps the first that it sees for an `id`, so
every try carries the same. The first message of an alert has the alert's id; a change of its decision is
a message of its own. Messages of server incidents have the incident's id, its first server in the place of
the player, and its severity in the place of the decision.
"""

from __future__ import annotations

import msgspec

from topics.fields import Key, Number, Text, Time, Whole
from topics.topic import Topic


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message to send, and what endpoints choose by."""

    id: Key
    alert_id: Key
    kind: Text
    player_id: Key
    rule_id: Key
    rule_version: Whole
    score: Number
    decision: Text
    time: Time
    body: Text


def updated_id(alert_id: str, decision: str) -> str:
    """Name the message that tells an alert's new decision.

    >>> updated_id("3585156bbac78379", "block")
    '3585156bbac78379.block'

    """
    return f"{alert_id}.{decision}"


TOPIC = Topic("fraud-outbox", key="player_id", time=None, event=Outgoing)
