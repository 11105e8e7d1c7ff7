"""Topic `dead-letters`: what could not become an event, with the reason and where it came from.

A dead letter is the same value whichever flow met the message: everything in it follows from the
message alone, so two flows on one topic, or two runs, write one record and one row.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that no flow can use.

    `log` is 8 hex digits of hash(cluster id, topic id); `path` names the offending field, empty for
    the whole message; `first_seen_ms` is the record's own Kafka timestamp (epoch ms).
    """

    reason: str
    path: str
    error: str
    log: str
    topic: str
    partition: int
    offset: int
    key: bytes
    raw: bytes
    first_seen_ms: int
