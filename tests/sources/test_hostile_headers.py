"""Headers that the Python client cannot read, and times that no calendar holds, never stop the source."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CDLL, c_char_p, c_int, c_int64, c_void_p, create_string_buffer
from pathlib import Path

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

from sources.messages import arrivals
from topics.dead_letters import REPLAY_OF, Replay
from topics.times import EARLIEST_MS, LATEST_MS

MakeTopic = Callable[..., str]
V_END, V_TOPIC, V_VALUE, V_HEADER, PRODUCER = 0, 1, 4, 9, 0
FIRST = Replay("0a1b2c3d", "player-events", 0, 7, 1_767_225_600_005, 1)

Headers = list[tuple[str, str | bytes | None]] | None


def produce_unreadable(kafka: str, topic: str) -> None:
    """Send a message whose header's name is no UTF-8; the Python client cannot, its C library can."""
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    c = CDLL(str(next(folder.glob("librdkafka*"))))
    c.rd_kafka_conf_new.restype = c.rd_kafka_new.restype = c_void_p
    text = create_string_buffer(200)
    options = c_void_p(c.rd_kafka_conf_new())
    c.rd_kafka_conf_set(options, b"bootstrap.servers", kafka.encode(), text, 200)
    producer = c_void_p(c.rd_kafka_new(PRODUCER, options, text, 200))
    header = (c_int(V_HEADER), c_char_p(b"gamewax-\xff"), c_char_p(b"x"), c_int64(1))
    value = (c_int(V_VALUE), c_char_p(b"v"), c_int64(1))
    assert (
        c.rd_kafka_producev(producer, c_int(V_TOPIC), c_char_p(topic.encode()), *value, *header, V_END) == 0
    )
    assert c.rd_kafka_flush(producer, 20_000) == 0
    c.rd_kafka_destroy(producer)


def test_an_unreadable_header_is_no_replay_and_its_neighbours_are(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=1)
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    some: list[Headers] = [None, [*FIRST.headers()], [(REPLAY_OF, b"forged")], [("trace", b"\xff")]]
    for headers in some:
        producer.produce(topic, b"v", headers=headers)
        producer.flush(20)
        produce_unreadable(kafka, topic)
    producer.produce(topic, b"v", headers=FIRST.headers())
    producer.flush(20)
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "headers", "log_level": 0})
    reader.assign([TopicPartition(topic, 0, 0)])
    found = arrivals([of for of in reader.consume(9, 20) if of.error() is None])
    reader.close()
    assert (len(found), found.replays) == (9, {2: FIRST, 8: FIRST})


def test_a_record_of_any_time_counts_as_of_the_nearest_time_that_columns_hold(
    kafka: str, make_topic: MakeTopic
) -> None:
    topic = make_topic(
        partitions=1, message_timestamp_type="CreateTime", message_timestamp_after_max_ms=str(2**63 - 1)
    )
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    for at_ms in (-(2**63) + 1, -1, 1, 253_402_300_800_000, 2**63 - 1):
        producer.produce(topic, b"v", timestamp=at_ms)
    producer.flush(20)
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "times", "log_level": 0})
    reader.assign([TopicPartition(topic, 0, 0)])
    found = arrivals([of for of in reader.consume(5, 20) if of.error() is None])
    reader.close()
    assert found.arrived_ms.tolist() == [EARLIEST_MS, EARLIEST_MS, 1, LATEST_MS, LATEST_MS]
