"""Fraud rules: what counts as fraud, as data; one JSON object a message, keyed by rule and version.

Rules: a version never changes once it is there; a message without a value takes the version back. A version
counts for purchases that came to Kafka a second after it, or at `effective_at` where that is later. What a
good rule is beyond its fields: `models/fraud_rule_text.py`.
"""

from __future__ import annotations

import msgspec

from topics.fields import Flag, Key, Number, Text, Time, Whole
from topics.topic import Topic


class FraudRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of one rule: when a purchase is suspicious, and what then."""

    id: Key
    version: Whole
    when: Text
    decision: Text | None = None
    weight: Number | None = None
    shadow: Flag | None = None
    suppress_s: Whole | None = None
    effective_at: Time | None = None
    owner: Text | None = None
    description: Text | None = None
    state: Text | None = None


def record_key(rule_id: str, version: int) -> bytes:
    """Give the key of a rule's version.

    >>> record_key("card_testing", 3)
    b'card_testing:3'

    """
    return f"{rule_id}:{version}".encode()


TOPIC = Topic(
    "fraud-rules", key="id:version", time=None, event=FraudRule, compacted=True, tombstone_deletes=True
)
