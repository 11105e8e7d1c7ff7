"""Forty minutes of troubled events in a topic that keeps the Kafka times that it is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.flow_fixture import TOPIC, World
from verify.logs import producing
from verify.oracle import Limits
from verify.troubled import POISON, START_MS, _event

SETTINGS = {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "500"}
LIMITS = Limits(lateness_ms=60_000, dedup_offsets=500)
MESSAGES, STEP_MS = 4_000, 600
MINUTE_MS = 60_000


def messages(seed: int) -> Iterator[tuple[int, bytes | None, int]]:
    """Partition, value and Kafka time of each message: disorder, copies, late ones, poison."""
    random, recent = Random(seed), list[tuple[int, bytes | None]]()
    for number in range(MESSAGES):
        at_ms, chance = START_MS + number * STEP_MS, random.random()
        sent: tuple[int, bytes | None] = random.randrange(4), random.choice(list(POISON))
        if chance < 0.05 and recent:
            sent = random.choice(recent)
        elif chance > 0.08:
            back_ms = 10 * MINUTE_MS if chance > 0.9 else 1_500
            event = _event(random, at_ms - random.randrange(back_ms), number)
            sent = sent[0], json.dumps(event).encode()
            recent = [*recent[-200:], sent]
        yield *sent, at_ms


def send(world: World, seed: int) -> None:
    """Let the topic keep the times that it is given, and put the messages there."""
    world.given |= SETTINGS
    wanted = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in wanted.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=entries)
    world.admin.incremental_alter_configs([resource])[resource].result(30)
    producer = Producer(producing(world.kafka.bootstrap_servers))
    for partition, value, at_ms in messages(seed):
        producer.produce(TOPIC, value, b"k", partition, timestamp=at_ms)
    assert producer.flush(30) == 0
