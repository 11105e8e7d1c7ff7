"""Fraud rules: what counts as fraud, as data; one JSON object a message, keyed by rule and version.

Rules: a version never changes once it is there; a message without a value takes the version back. What a
rule says beyond the fields here is for the flow that judges by rules.
"""

from __future__ import annotations

import msgspec

from topics.fields import Key, Text, Time, Whole
from topics.topic import Topic


class FraudRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of one rule."""

    id: Key
    version: Whole
    state: Text | None = None
    game_id: Key | None = None
    reason: Text | None = None
    severity: Text | None = None
    owner: Text | None = None
    created_at: Time | None = None
    expires_at: Time | None = None


TOPIC = Topic(
    "fraud-rules", key="id:version", time=None, event=FraudRule, compacted=True, tombstone_deletes=True
)
