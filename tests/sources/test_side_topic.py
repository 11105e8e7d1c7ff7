"""A side topic on a real Kafka: known whole at start, kept up with, never guessed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from structlog.testing import capture_logs

from cli.topics import wait_known
from embedded.kafka import EmbeddedKafka
from settings import Kafka
from sources.side_reader import SideReader
from sources.side_topic import SideTopic
from tests.flow_fixture import until
from tests.kafka_fixture import MakeTopic
from topics.errors import BadInput, Broken

Heard = list[tuple[bytes, bytes | None]]


class Ear:
    """Remembers what it heard; refuses the value `bad`."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.places: dict[tuple[int, int], int] = {}

    def __call__(self, key: bytes, value: bytes | None, kafka_ms: int, partition: int, offset: int) -> None:
        if value == b"bad":
            raise BadInput("a rule must be JSON")
        self.heard.append((key, value))
        self.places[partition, offset] = kafka_ms


@contextmanager
def listening(kafka: str, topic: str, ear: Callable[..., None], every_s: float = 0.02) -> Iterator[SideTopic]:
    side = SideTopic(Kafka(bootstrap_servers=kafka), topic, ear, time.monotonic, every_s)
    try:
        side.start()
        yield side
    finally:
        side.close()


def send(kafka: str, topic: str, *messages: tuple[bytes, bytes | None], partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    for key, value in messages:
        producer.produce(topic, value, key, partition)
    assert producer.flush(20) == 0


def many(first: int, last: int) -> Heard:
    return [(b"k%d" % number, b"v%d" % number) for number in range(first, last)]


def test_all_that_the_topic_holds_is_heard_before_start_returns(kafka: str, make_topic: MakeTopic) -> None:
    topic, ear = make_topic(2), Ear()
    send(kafka, topic, *many(0, 3_000), (b"k1", None))
    send(kafka, topic, *many(3_000, 3_005), partition=1)
    with listening(kafka, topic, ear, every_s=30) as side:
        assert sorted(ear.heard, key=str) == sorted([*many(0, 3_005), (b"k1", None)], key=str)
        assert (side.heard, side.refused) == (3_006, 0)
        assert (side.knows(side.known_at + 0.8), side.knows(side.known_at + 0.81)) == (True, False)


def test_it_says_what_is_missing_at_start(kafka: str) -> None:
    with pytest.raises(BadInput, match="has no topic 'nosuch'"), listening(kafka, "nosuch", Ear()):
        pass


def test_what_was_sent_before_a_moment_is_heard_when_it_is_known(kafka: str, make_topic: MakeTopic) -> None:
    topic, ear = make_topic(3), Ear()
    with listening(kafka, topic, ear) as side:
        for number in range(25):
            send(kafka, topic, (b"", b"%d" % number), partition=number % 3)
            side.wait_for(time.monotonic(), 0)
            assert ear.heard[-1] == (b"", b"%d" % number)


def test_a_rule_a_second_older_than_a_purchase_is_heard_before_the_purchase_is_judged(
    kafka: str, make_topic: MakeTopic
) -> None:
    """Its checks are so far apart that without waiting some would be missed."""
    rules, purchases, ear = make_topic(2), make_topic(1), Ear()
    sending = Thread(target=send_both, args=(kafka, rules, purchases))
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "judge", "fetch.wait.max.ms": 10})
    reader.assign([TopicPartition(purchases, 0, 0)])
    known_for: dict[int, set[tuple[int, int]]] = {}
    with listening(kafka, rules, ear, every_s=1.2) as side:
        sending.start()
        while len(known_for) < 200:
            polled = reader.consume(100, 0.1)
            side.wait_for(time.monotonic())
            heard = set(ear.places)
            known_for |= {offset(message): heard for message in polled}
            came = {offset(message): message.timestamp()[1] for message in polled}
            side.wait_for(time.monotonic(), 0)
            for at, came_ms in came.items():
                due = {place for place, rule_ms in ear.places.items() if rule_ms <= came_ms - 1_000}
                assert due <= known_for[at]
    sending.join()
    reader.close()


def offset(message: Message) -> int:
    at = message.offset()
    assert at is not None
    return at


def send_both(kafka: str, rules: str, purchases: str) -> None:
    """Send rules and purchases for some seconds, as close to each other as can be."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})
    for number in range(200):
        producer.produce(rules, b"rule", b"", number % 2)
        producer.flush(10)
        producer.produce(purchases, b"purchase", b"", 0)
        producer.poll(0.01)
    producer.flush(10)


def test_a_bad_message_is_told_with_its_place_and_counted(kafka: str, make_topic: MakeTopic) -> None:
    topic, ear = make_topic(1), Ear()
    send(kafka, topic, (b"a", b"1"), (b"b", b"bad"), (b"c", b"3"))
    with capture_logs() as logs, listening(kafka, topic, ear) as side:
        side.wait_for(time.monotonic(), 0)
        assert (ear.heard, side.heard, side.refused) == ([(b"a", b"1"), (b"c", b"3")], 3, 1)
    assert logs == [
        {
            "event": "message_refused",
            "log_level": "warning",
            "topic": topic,
            "partition": 0,
            "offset": 1,
            "reason": "a rule must be JSON",
        }
    ]


def test_a_fault_of_the_hearer_is_raised_where_it_is_waited_for(kafka: str, make_topic: MakeTopic) -> None:
    def hear(*_: object) -> None:
        raise ZeroDivisionError("oh")

    topic = make_topic(1)
    with listening(kafka, topic, hear) as side:
        send(kafka, topic, (b"a", b"1"))
        with pytest.raises(Broken, match=f"reading topic {topic} ended: ZeroDivisionError: oh"):
            side.wait_for(time.monotonic(), 0)


def test_who_waits_when_it_is_closed_is_told(kafka: str, make_topic: MakeTopic) -> None:
    with listening(kafka, make_topic(1), Ear()) as side:
        Thread(target=side.close).start()
        with pytest.raises(Broken, match="it was closed"):
            side.wait_for(time.monotonic() + 1_000)


def test_new_partitions_are_heard(kafka: str, kafka_admin: AdminClient, make_topic: MakeTopic) -> None:
    topic, ear = make_topic(1), Ear()
    send(kafka, topic, (b"a", b"1"))
    with listening(kafka, topic, ear) as side:
        kafka_admin.create_partitions([NewPartitions(topic, 3)])[topic].result(30)
        send(kafka, topic, (b"b", b"2"), partition=2)
        send(kafka, topic, (b"c", b"3"))
        until(lambda: len(ear.heard) == 3)
        side.wait_for(time.monotonic(), 0)
        assert sorted(ear.heard) == [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]


def test_a_topic_that_is_created_anew_ends_it(
    kafka: str, kafka_admin: AdminClient, make_topic: MakeTopic
) -> None:
    topic = make_topic(1)
    send(kafka, topic, (b"a", b"1"))
    with listening(kafka, topic, Ear()) as side:
        kafka_admin.delete_topics([topic])[topic].result(30)
        until(lambda: topic not in kafka_admin.list_topics(timeout=10).topics)
        kafka_admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
        wait_known(kafka_admin, [topic])
        with pytest.raises(Broken, match=f"topic {topic} was created anew"):
            side.wait_for(time.monotonic() + 1_000)


def test_what_is_gone_is_left_out_at_start_and_later(
    kafka: str, kafka_admin: AdminClient, make_topic: MakeTopic
) -> None:
    def trim(before: int) -> None:
        place = TopicPartition(topic, 0, before)
        kafka_admin.delete_records([place])[place].result(30)

    topic, ear = make_topic(1), Ear()
    send(kafka, topic, *many(0, 10))
    trim(4)
    reader = SideReader(Kafka(bootstrap_servers=kafka), topic, ear)
    assert reader.read(lambda: True)
    assert ear.heard == many(4, 10)
    send(kafka, topic, *many(10, 20))
    trim(13)
    with capture_logs() as logs:
        until(lambda: reader.read(lambda: True) and len(ear.heard) >= 13)
    reader.close()
    fetched_before = len(ear.heard) == 16  # the client had them already
    assert ear.heard == (many(4, 20) if fetched_before else many(4, 10) + many(13, 20))
    told = [{"first": of["first"], "next": of["next"]} for of in logs]
    assert told == ([] if fetched_before else [{"first": 10, "next": 13}])


def test_an_open_transaction_is_waited_for(kafka: str, make_topic: MakeTopic) -> None:
    topic, ear = make_topic(1), Ear()
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topic})
    producer.init_transactions(20)
    with capture_logs() as logs, listening(kafka, topic, ear) as side:
        producer.begin_transaction()
        producer.produce(topic, b"1", b"a", 0)
        producer.flush(20)
        appended = time.monotonic()
        until(lambda: [of["event"] for of in logs] == ["side_topic_waits"])
        assert (ear.heard, side.knows(appended, 0)) == ([], False)
        producer.commit_transaction(20)
        side.wait_for(appended, 0)
        assert ear.heard == [(b"a", b"1")]


@pytest.mark.slow
def test_while_kafka_is_away_nothing_is_known_and_afterwards_all_is(
    broker: EmbeddedKafka, make_topic: MakeTopic
) -> None:
    topic, ear = make_topic(1), Ear()
    with capture_logs() as logs, listening(broker.bootstrap_servers, topic, ear) as side:
        broker.stop()
        try:
            gone = time.monotonic()
            until(lambda: logs)
            assert not side.knows(gone + 1)
        finally:
            broker.start()
        send(broker.bootstrap_servers, topic, (b"a", b"1"))
        side.wait_for(time.monotonic(), 0)
        assert ear.heard == [(b"a", b"1")]
        until(lambda: len(logs) > 1)
    assert [of["event"] for of in logs] == ["side_topic_away", "side_topic_back"]
