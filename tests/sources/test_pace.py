"""How soon messages are judged: at once where it was asked for, else when a batch is full or old enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import TopicPartition

from flows.thresholds import SOON
from settings import Kafka
from sources.at_once import AtOnce
from sources.board import Board, Standing, Surroundings
from sources.kafka_client import consumer
from sources.kafka_partition import KafkaPartition
from sources.unjudged import FOR_TABLES, Pace
from tests.flow_fixture import until
from topics.server_metrics import TOPIC
from verify.logs import write
from verify.troubled import Sent
from windows.plan import NEVER, NO_WINDOW_S, Plan
from windows.samples import SampleLane
from windows.take import fresh_state

MESSAGES = 50
SAMPLE = b'{"server_id":"s","cpu_load":1,"memory_usage":1,"latency":1,"timestamp":%d}'
PLAN = Plan("pace", (), (NO_WINDOW_S,), dedup_offsets=0)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def opened(kafka: str, topic: str, pace: Pace, threads: Executor, clock: Clock) -> Iterator[KafkaPartition]:
    reader = consumer(Kafka(bootstrap_servers=kafka), "pace")
    reader.assign([TopicPartition(topic, 0, 0)])
    board = Board({0: Standing(NEVER, NEVER)})
    around = Surroundings(board, threads, lambda: False, clock, quiet_s=60, pace=pace)
    partition = KafkaPartition(
        reader, SampleLane(PLAN, fresh_state("0a1b2c3d", TOPIC.name, 0, 0), 1), around, end=None
    )
    partition._place = TopicPartition(topic, 0)
    try:
        yield partition
    finally:
        partition.close()


@pytest.fixture
def topic(kafka: str, make_topic: Callable[..., str]) -> str:
    name = make_topic(partitions=1)
    write(kafka, name, [Sent(0, b"s", SAMPLE % (1_000 + at)) for at in range(MESSAGES)])
    return name


def test_judged_at_once_a_message_is_handed_on_in_the_call_that_read_it(kafka: str, topic: str) -> None:
    with opened(kafka, topic, SOON, AtOnce(1, "judge"), Clock()) as partition:
        handed: list[int] = []

        def all_handed() -> bool:
            handed.extend(take.after.read for take in partition.next_batch())
            assert handed[-1:] == [partition._read_to]  # nothing was read that is not handed on
            return handed[-1] == MESSAGES

        until(all_handed)
        assert partition.next_awake() is None  # polled again within a millisecond


def test_for_tables_a_small_batch_waits_until_it_is_old_enough(kafka: str, topic: str) -> None:
    clock = Clock()
    with (
        ThreadPoolExecutor(1) as threads,
        opened(kafka, topic, FOR_TABLES, threads, clock) as partition,
    ):
        until(lambda: partition.next_batch() is not None and partition._read_to == MESSAGES)
        clock.now += 0.099
        assert (partition.next_batch(), len(partition._unjudged), len(partition._ahead)) == ([], MESSAGES, 0)
        rests = partition.next_awake()
        assert rests is None or rests - datetime.now(UTC) <= timedelta(milliseconds=5)

        clock.now += 0.002
        until(lambda: [take.after.read for take in partition.next_batch()] == [MESSAGES])


def test_work_that_fails_at_once_says_so_where_its_result_is_asked_for() -> None:
    failed = AtOnce(1, "judge").submit(int, "x")
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result()
    assert AtOnce(1, "judge").submit(int, "7").result() == 7
