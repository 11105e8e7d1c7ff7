import json
from base64 import b64decode
from collections.abc import Callable

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, cluster_main, run_main
from confluent_kafka import Consumer, TopicPartition

import settings
from sinks.kafka import DeadLetterTopic, Deliveries, drain, open_producer, record_key, record_value, send
from topics.dead_letters import DeadLetter
from topics.errors import BadInput, Broken

MakeTopic = Callable[..., str]


def letter(offset: int = 7, raw: bytes = b"{nonsense", key: bytes = b"player_1") -> DeadLetter:
    return DeadLetter(
        reason="not_json",
        path="",
        error="no JSON at byte 1",
        log="0a1b2c3d",
        topic="player-events",
        partition=3,
        offset=offset,
        key=key,
        raw=raw,
        first_seen_ms=1_767_225_600_005,
    )


def server(kafka: str, **options: str | int) -> settings.Kafka:
    return settings.Kafka(bootstrap_servers=kafka, options=dict(options))


def everything(kafka: str, topic: str) -> dict[bytes | None, bytes | None]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "reads-all", "enable.auto.commit": False})
    found: dict[bytes | None, bytes | None] = {}
    for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        consumer.assign([TopicPartition(topic, partition, low)])
        for message in consumer.consume(high - low, timeout=10) if high > low else []:
            found[message.key()] = message.value()
    consumer.close()
    return found


def test_a_dead_letter_is_the_same_readable_bytes_from_everyone() -> None:
    assert record_key(letter()) == b"0a1b2c3d:player-events:3:7"
    assert (
        record_value(letter(raw="{ü\n".encode()))
        == (
            '{"reason":"not_json","path":"","error":"no JSON at byte 1","log":"0a1b2c3d",'
            '"topic":"player-events","partition":3,"offset":7,"first_seen":"2026-01-01T00:00:00.005Z",'
            '"key":"player_1","raw":"{ü\\n"}'
        ).encode()
    )


def test_bytes_that_are_no_text_come_as_base64() -> None:
    value = json.loads(record_value(letter(raw=bytes(range(256)), key=b"\xff")))
    assert b64decode(value["raw_base64"]) == bytes(range(256))
    assert b64decode(value["key_base64"]) == b"\xff"
    assert "raw_bytes" not in value


@pytest.mark.parametrize("raw", [b"x" * 5_000_000, b"\0" * 900_000, b"\xff" * 5_000_000])
def test_a_message_too_long_for_a_record_is_cut_and_says_so(
    kafka: str, make_topic: MakeTopic, raw: bytes
) -> None:
    topic = make_topic(partitions=1)
    long = letter(raw=raw, key=raw)
    value = json.loads(record_value(long))
    assert value["raw_bytes"] == len(raw)
    assert raw.startswith(b64decode(value["raw_base64"]))
    producer, delivered = open_producer(server(kafka), topic), Deliveries()
    send(producer, topic, record_key(long), record_value(long), delivered)
    drain(producer, delivered)
    assert everything(kafka, topic) == {record_key(long): record_value(long)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dataflow_sends_every_dead_letter_once_per_message(
    kafka: str, make_topic: MakeTopic, workers: int
) -> None:
    topic = make_topic()
    letters = [letter(offset) for offset in range(500)]
    flow = Dataflow("dead")
    stream = op.input("read", flow, TestingSource([(str(one.offset % 16), one) for one in letters]))
    op.output("dead_letters", stream, DeadLetterTopic(server(kafka), topic))
    if workers == 1:
        run_main(flow)
    else:
        cluster_main(flow, [], 0, worker_count_per_proc=workers)
    assert everything(kafka, topic) == {record_key(one): record_value(one) for one in letters}


def test_a_snapshot_returns_when_kafka_has_everything(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic()
    part = DeadLetterTopic(server(kafka, **{"linger.ms": 5_000}), topic).build_part("dead", "0", None)
    part.write_batch([letter(offset) for offset in range(50)])
    part.snapshot()
    assert len(everything(kafka, topic)) == 50


def test_a_message_that_kafka_refuses_stops_the_flow(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=1, max_message_bytes="1000")
    part = DeadLetterTopic(server(kafka, **{"compression.type": "none"}), topic).build_part("dead", "0", None)
    part.write_batch([letter(raw=b"x" * 5_000)])
    with pytest.raises(Broken, match="Kafka refused a message"):
        part.snapshot()


def test_a_missing_topic_and_a_missing_kafka_are_one_line(kafka: str) -> None:
    with pytest.raises(BadInput, match=r"Kafka has no topic 'never-made': run \./gamewax topics create"):
        open_producer(server(kafka), "never-made")
    with pytest.raises(BadInput, match=r"Kafka does not answer at 127\.0\.0\.1:1: "):
        open_producer(server("127.0.0.1:1"), "any")
    with pytest.raises(BadInput, match="GAMEWAX_KAFKA__OPTIONS"):
        open_producer(server(kafka, nonsense="x"), "any")
