"""Large messages that are slow to judge wait in Kafka, not in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from confluent_kafka import TopicPartition

from settings import Kafka
from sources.board import Board, Standing, Surroundings
from sources.kafka_client import consumer
from sources.kafka_partition import KafkaPartition
from sources.unjudged import BATCH_BYTES
from tests.flow_fixture import until
from topics.decode import Decoded, decode
from topics.player_events import TOPIC
from verify.logs import write
from verify.troubled import Sent
from windows.arrays import Ints
from windows.lane import Lane
from windows.plan import NEVER, Plan
from windows.take import fresh_state

MESSAGES, SIZE = 60, 990_000
MOST_POLLED = 6_000_000  # bytes that the client may give at once: what it fetches ahead, and a message


def test_while_a_batch_is_judged_only_some_megabytes_more_are_read(
    kafka: str, make_topic: Callable[..., str]
) -> None:
    topic, judged, read = make_topic(partitions=1), Event(), 0
    write(kafka, topic, [Sent(0, b"k", b" " * SIZE)] * MESSAGES)

    def slowly(values: Sequence[bytes | None], arrived_ms: Ints) -> Decoded:
        judged.wait(60)
        return decode(TOPIC, values, arrived_ms)

    reader = consumer(Kafka(bootstrap_servers=kafka), "large")
    reader.assign([TopicPartition(topic, 0, 0)])
    lane = Lane(Plan("large", ()), slowly, fresh_state("0a1b2c3d", topic, 0, 0), 1)
    with ThreadPoolExecutor(1) as threads:
        board = Board({0: Standing(NEVER, NEVER)})
        around = Surroundings(board, threads, lambda: False, time.monotonic, quiet_s=60)
        partition = KafkaPartition(reader, lane, around, end=MESSAGES)

        until(lambda: partition.next_batch() is not None and partition._ahead and partition._unjudged.enough)
        for _ in range(100):
            partition.next_batch()
        assert partition._read_to * SIZE <= 2 * (BATCH_BYTES + MOST_POLLED) < MESSAGES * SIZE

        judged.set()
        while read < MESSAGES:
            read = max([read, *(take.after.read for take in partition.next_batch())])
        partition.close()
    assert (read, lane.state.dead) == (MESSAGES, MESSAGES)
