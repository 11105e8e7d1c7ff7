"""Server metrics: how a game server does, one JSON object a sample, keyed by the server.

Rules: loads are percentages as the server reports them, `latency` and `tick_ms` milliseconds.
"""

from __future__ import annotations

import msgspec

from topics.fields import Id, Key, Number, Text, Time, Whole
from topics.topic import Topic


class ServerMetrics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sample of a game server."""

    server_id: Key
    cpu_load: Number
    memory_usage: Number
    latency: Number
    timestamp: Time
    event_id: Id | None = None
    event_index: Whole | None = None
    game_id: Id = ""
    region: Text | None = None
    country: Text | None = None
    device_id: Id | None = None
    transaction_id: Id | None = None
    schema_version: Id | None = None
    sent_at: Time | None = None
    fleet_id: Id | None = None
    players: Whole | None = None
    capacity: Whole | None = None
    tick_ms: Number | None = None
    disconnects: Whole | None = None
    state: Text | None = None


TOPIC = Topic("server-metrics", key="server_id", time="timestamp", event=ServerMetrics)
