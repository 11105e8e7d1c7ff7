"""Topic `alerts`: a server's metric went above its limit, or came back; keyed by the server.

Rules: an alert follows from the sample that it names and from those before it in the same partition, so who
reads them again writes the same bytes under the same `id`. A receiver that keeps ids sees each alert once.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from topics.fields import Id, Key, Number, Text, Time, Whole
from topics.topic import Topic

ABOVE, RESOLVED = "above", "resolved"


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One crossing of a limit, and the place of the sample that crossed it."""

    id: Key
    kind: Text
    game_id: Id = ""
    server_id: Key
    metric: Text
    value: Number
    limit: Number
    time: Time
    log: Key
    topic: Key
    partition: Whole
    offset: Whole
    resolves: Text | None = None


def alert_id(log: str, topic: str, partition: int, offset: int, metric: str) -> str:
    """Name the alert that a sample's metric gives: the first 128 bits of SHA-256 of its place, in hex.

    >>> alert_id("0a1b2c3d", "server-metrics", 3, 7, "cpu_load")
    '3585156bbac783796f49ef5186982a12'

    """
    return sha256(f"{log}:{topic}:{partition}:{offset}:{metric}".encode()).hexdigest()[:32]


TOPIC = Topic("alerts", key="server_id", time=None, event=Alert)
