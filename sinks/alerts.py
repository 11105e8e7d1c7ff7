"""The topic of alerts: sent at once, acknowledged before the snapshot.

Rules: the flow does not wait for an alert's acknowledgement, only its snapshot does; so an alert that a crash
took away is sent again when its sample is judged again, under the same id and with the same bytes.
"""

from __future__ import annotations

import msgspec

from sinks.kafka import KafkaTopic, Options
from topics.alerts import TOPIC, Alert
from topics.servers import KafkaServer

SOON: Options = {"linger.ms": 0, "socket.nagle.disable": True}


class AlertTopic(KafkaTopic[Alert]):
    """Sends `(key, Alert)` to the topic `alerts`."""

    def __init__(self, server: KafkaServer, topic: str = TOPIC.name) -> None:
        super().__init__(server, topic, record, SOON)


def record(alert: Alert) -> tuple[bytes, bytes]:
    """Write an alert as a Kafka record: its server, and JSON.

    >>> alert = Alert(id="a", kind="above", server_id="s", metric="latency", value=9.5, limit=9.0,
    ...     time="2026-01-01T00:00:00.000Z", log="0a1b2c3d", topic="server-metrics", partition=0, offset=3)
    >>> record(alert)[0], len(record(alert)[1])
    (b's', 185)

    """
    return str(alert.server_id).encode(), msgspec.json.encode(alert)
