"""The values of topic `dead-letters`, as `sinks.kafka` writes them; keyed by the message's place.

Rules: `raw` or `raw_base64` is there, and `key` or `key_base64`: the second where the bytes are no UTF-8 text
or too long for a record, then cut, with the whole length in `raw_bytes` or `key_bytes`.
"""

from __future__ import annotations

import msgspec

from topics.fields import Key, Text, Time, Whole
from topics.topic import Topic


class DeadLetterRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message that no flow can use."""

    reason: Text
    path: Text
    error: Text
    log: Key
    topic: Key
    partition: Whole
    offset: Whole
    first_seen: Time
    replays: Whole | None = None
    key: Text | None = None
    key_base64: Text | None = None
    key_bytes: Whole | None = None
    raw: Text | None = None
    raw_base64: Text | None = None
    raw_bytes: Whole | None = None


TOPIC = Topic(
    "dead-letters",
    key="log:topic:partition:offset",
    time=None,
    event=DeadLetterRecord,
    compacted=True,
)
