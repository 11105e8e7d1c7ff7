"""The topic of messages to webhook receivers: sent at once, acknowledged before the snapshot.

Rules: a flow never waits for a receiver; it hands a message to Kafka, and the dispatcher delivers. One that a
crash took away is handed over again when its purchase is judged again, under the same id.
"""

from __future__ import annotations

import msgspec

from sinks.kafka import KafkaTopic, Options
from topics.fraud_outbox import TOPIC, Outgoing
from topics.servers import KafkaServer

SOON: Options = {"linger.ms": 0, "socket.nagle.disable": True}


class OutboxTopic(KafkaTopic[Outgoing]):
    """Sends `(key, Outgoing)` to the topic `fraud-outbox`."""

    def __init__(self, server: KafkaServer, topic: str = TOPIC.name) -> None:
        super().__init__(server, topic, record, SOON)


def record(outgoing: Outgoing) -> tuple[bytes, bytes]:
    """Write a message as a Kafka record, keyed by its player: a player's messages keep their order."""
    return str(outgoing.player_id).encode(), msgspec.json.encode(outgoing)
