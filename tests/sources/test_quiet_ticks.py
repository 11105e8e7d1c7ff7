"""Ticks of proven silence: from whom, when, and when not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from confluent_kafka import TopicPartition

from settings import Kafka
from sources.at_once import AtOnce
from sources.board import Board, Standing, Surroundings
from sources.end_watch import SETTLES_S, Ends, EndWatch, Presence
from sources.kafka import KafkaSource
from sources.kafka_client import consumer, describe, log_ends
from sources.kafka_partition import KafkaPartition
from sources.quiet import Ticks
from sources.reading import Reading
from sources.unjudged import FOR_TABLES
from tests.flow_fixture import until
from verify.logs import write
from verify.troubled import Sent
from windows.plan import NEVER, NO_WINDOW_S, Plan
from windows.samples import SampleLane
from windows.take import Quiet, Take, fresh_state

SAMPLE = b'{"server_id":"s","cpu_load":1,"memory_usage":1,"latency":1,"timestamp":%d}'
PLAN = Plan("ticks", (), (NO_WINDOW_S,), dedup_offsets=0)
TICKING = replace(FOR_TABLES, linger_s=0.0, quiet_every_s=0.1)


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Broker:
    """What the broker answered last, of partition 3: asked at a second, there since another one."""

    asked_s: float = 0.0
    there_since_s: float = 0.0
    end: int = 7

    def __call__(self) -> Ends | None:
        return Ends(self.asked_s, self.there_since_s, {3: self.end}) if self.asked_s else None


def told(broker: Broker, ticks: Ticks, begin: int, end: int, *, position: int = 7) -> list[Quiet]:
    """The ticks of some seconds: the broker answers each second, every tenth the partition is looked at."""
    found = []
    for tenth in range(begin * 10, end * 10):
        broker.asked_s = tenth // 10
        found.append(ticks.saw(tenth / 10, idle=True, position=position))
    return [tick for tick in found if tick]


def silence(since: int, *nows: int) -> list[Quiet]:
    return [Quiet(3, since * 1000, now * 1000) for now in nows]


def test_each_answer_is_told_once_and_counts_from_the_last_message() -> None:
    broker = Broker()
    ticks = Ticks(3, broker)
    assert ticks.saw(99.0, idle=True, position=7) is None  # nobody has answered yet
    broker.asked_s = 99.0
    assert ticks.saw(100.0, idle=False, position=7) is None
    assert told(broker, ticks, 100, 104) == silence(100, 101, 102, 103)
    assert ticks.saw(110.0, idle=False, position=8) is None
    broker.end = 8
    assert told(broker, ticks, 110, 113, position=8) == silence(110, 111, 112)


def test_messages_that_wait_to_be_read_are_no_silence() -> None:
    broker = Broker(end=8)
    ticks = Ticks(3, broker)
    assert told(broker, ticks, 100, 110) == []
    assert told(broker, ticks, 110, 113, position=8) == silence(109, 110, 111, 112)


def test_only_the_time_in_which_the_broker_was_there_counts() -> None:
    broker = Broker(there_since_s=120.0)
    ticks = Ticks(3, broker)
    assert told(broker, ticks, 100, 123) == silence(120, 121, 122)
    broker.there_since_s = 123.0
    assert told(broker, ticks, 123, 125) == silence(123, 124)


def test_who_writes_has_time_to_come_back_as_long_as_the_broker_was_away_and_not_for_ever() -> None:
    presence = Presence(1.0)
    assert [presence.answered(at) for at in (100.0, 101.0, 103.5)] == [100.0 + SETTLES_S] * 3
    presence.failed()
    assert presence.answered(105.5) == 105.5 + 2
    assert presence.answered(109.5) == 109.5 + 4  # we stood still
    presence.failed()
    assert presence.answered(800.0) == 800.0 + SETTLES_S
    assert presence.answered(801.0) == 800.0 + SETTLES_S


@dataclass
class RealBroker:
    """What the broker answers at each second of a clock."""

    kafka: Kafka
    topic: str
    clock: Clock

    def __call__(self) -> Ends | None:
        asked_s = float(int(self.clock.now))
        return Ends(asked_s, 0.0, log_ends(self.kafka, describe(self.kafka, self.topic)))


@contextmanager
def opened(broker: RealBroker) -> Iterator[KafkaPartition]:
    reader = consumer(broker.kafka, "ticks")
    reader.assign([TopicPartition(broker.topic, 0, 0)])
    board, judge = Board({0: Standing(NEVER, NEVER)}), AtOnce(1, "judge")
    around = Surroundings(board, judge, lambda: False, broker.clock, quiet_s=60, pace=TICKING, ends=broker)
    lane = SampleLane(PLAN, fresh_state("0a1b2c3d", broker.topic, 0, 0), 1)
    partition = KafkaPartition(reader, lane, around, None)
    try:
        yield partition
    finally:
        partition.close()


def read_up_to(partition: KafkaPartition, messages: int) -> Take:
    """Read some messages; gives the last take."""
    takes: list[Take] = []

    def all_handed() -> bool:
        takes.extend(partition.next_batch())
        return any(take.after.read == messages for take in takes)

    until(all_handed)
    return takes[-1]


@pytest.fixture
def topic(kafka: str, make_topic: Callable[..., str]) -> str:
    name = make_topic(partitions=1)
    write(kafka, name, [Sent(0, b"s", SAMPLE % (1_000 + at)) for at in range(3)])
    return name


def seconds(partition: KafkaPartition, clock: Clock, count: int) -> list[Take]:
    """What comes in some seconds."""
    takes: list[Take] = []
    for _ in range(count):
        clock.now += 1
        takes += partition.next_batch()
    return takes


def test_a_real_log_that_is_silent_ticks_after_its_messages_and_moves_nothing(kafka: str, topic: str) -> None:
    clock = Clock()
    with opened(RealBroker(Kafka(bootstrap_servers=kafka), topic, clock)) as partition:
        third = read_up_to(partition, 3)
        assert seconds(partition, clock, 2) == [
            Take(third.after, quiet=Quiet(0, 100_000, now)) for now in (101_000, 102_000)
        ]
        write(kafka, topic, [Sent(0, b"s", SAMPLE % 2_000)])
        fourth = read_up_to(partition, 4)
        assert seconds(partition, clock, 1) == [Take(fourth.after, quiet=Quiet(0, 102_000, 103_000))]


def test_a_watch_asks_the_broker_by_itself(kafka: str, topic: str) -> None:
    server = Kafka(bootstrap_servers=kafka)
    watch = EndWatch(server, describe(server, topic), Clock(), 0.01)
    until(lambda: watch.latest() == Ends(100.0, 100.0 + SETTLES_S, {0: 3}))
    watch.close()


@pytest.mark.parametrize(
    "reading",
    [Reading(Clock()), Reading(Clock(), drain=True, pace=TICKING), Reading(Clock(), pace=TICKING)],
    ids=["tables", "drain", "ticking"],
)
def test_only_a_source_that_was_asked_to_asks_and_never_in_a_drain(
    kafka: str, topic: str, reading: Reading
) -> None:
    asked: list[float | None] = []

    def ends(*given: object) -> EndWatch:
        every_s = given[-1]
        assert every_s is None or isinstance(every_s, float)
        asked.append(every_s)
        return EndWatch(
            Kafka(bootstrap_servers=kafka), describe(Kafka(bootstrap_servers=kafka), topic), Clock(), None
        )

    reading = replace(reading, client=replace(reading.client, ends=ends))
    source = KafkaSource(
        Kafka(bootstrap_servers=kafka),
        topic,
        PLAN,
        lambda state, count: SampleLane(PLAN, state, count),
        reading,
    )
    source.close()
    assert asked == [TICKING.quiet_every_s if reading.pace is TICKING and not reading.drain else None]
