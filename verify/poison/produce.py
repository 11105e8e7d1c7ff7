"""Sends the messages to Kafka as they are, also what no ordinary producer would send.

Rules: the topics are opened for it: records of 12 MB, and times that producers claim, however far ahead. A
header whose name is no UTF-8 goes through the C library itself. Offsets are known beforehand, since
the topics are empty and everything goes in order.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from ctypes import CDLL, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p, create_string_buffer
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import confluent_kafka
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from topics.errors import Broken
from verify.poison.form import BASE_MS, TOPICS
from verify.poison.stream import PARTITIONS, Sending

LARGEST = 12_000_000
ANSWER_S = 60.0
OPENED = {
    "max.message.bytes": str(LARGEST),
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
    "retention.ms": "-1",  # a record of 1970 is old, and stays
}
QUEUE_FULL_S = 0.5
OVERSIZE, TRIES = 1_200_000, 40


def open_topics(bootstrap_servers: str) -> None:
    """Let the event topics take anything."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    wanted = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in OPENED.items()
            ],
        )
        for topic in TOPICS
    ]
    for done in admin.incremental_alter_configs(wanted).values():
        done.result(ANSWER_S)


@dataclass(slots=True)
class Delivery:
    """Counts what Kafka took, and remembers what it refused."""

    taken: int = 0
    refused: list[str] = field(default_factory=list)

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Take Kafka's answer to one message."""
        self.taken += error is None
        if error is not None:
            self.refused.append(f"{message.topic()}: {error.str()}")


@dataclass(slots=True)
class Sender:
    """Sends messages in order.

    Args:
        bootstrap_servers: Kafka.
        logs: the id of each topic's log, as dead letters name it.

    """

    bootstrap_servers: str
    logs: Mapping[str, str]
    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    delivery: Delivery = field(default_factory=Delivery)

    def await_open(self) -> None:
        """Send each partition one message that only an opened topic takes, until it does.

        Raises:
            Broken: the topics are not opened.

        """
        value = b" " * OVERSIZE
        for topic, partition in product(TOPICS, range(PARTITIONS)):
            for _ in range(TRIES):
                try:
                    self.send([Sending(topic, partition, b"probe", value, BASE_MS)])
                    break
                except Broken:
                    self.sent[topic, partition] -= 1
                    self.delivery.refused.clear()
                    time.sleep(QUEUE_FULL_S)
            else:
                raise Broken(f"{topic} does not take large messages: is it opened?")

    def send(self, messages: Iterable[Sending]) -> None:
        """Send all of them and wait until Kafka has them.

        Raises:
            Broken: Kafka refuses one.

        """
        producer = Producer({
            "bootstrap.servers": self.bootstrap_servers, "log_level": 0, "linger.ms": 20,
            "enable.idempotence": True, "message.max.bytes": LARGEST, "queue.buffering.max.kbytes": 65_536,
        })  # fmt: skip
        for of in messages:
            headers = [(name, self._filled(of, value)) for name, value in of.headers]
            self.sent[of.topic, of.partition] += 1
            if any(isinstance(name, bytes) for name, _ in headers):
                producer.flush()  # so that it keeps its place
                produce_raw(self.bootstrap_servers, of)
                continue
            while True:
                try:
                    producer.produce(
                        of.topic, of.value, of.key, of.partition,
                        on_delivery=self.delivery, timestamp=of.at_ms, headers=headers,  # type: ignore[arg-type]
                    )  # fmt: skip
                    break
                except BufferError:
                    producer.poll(QUEUE_FULL_S)
            producer.poll(0)
        left = producer.flush(ANSWER_S)
        if left or self.delivery.refused:
            raise Broken(f"Kafka did not take {left} messages; {self.delivery.refused[:3]}")

    def _filled(self, of: Sending, value: str | bytes | None) -> str | bytes | None:
        if not isinstance(value, bytes) or b"<" not in value:
            return value
        own = self.sent[of.topic, of.partition]
        known = {
            "log": self.logs[of.topic], "topic": of.topic, "partition": of.partition, "own": own,
            "next": own + 1, "before": own - 1, "time": of.at_ms,
        }  # fmt: skip
        for name, text in known.items():
            value = value.replace(f"<{name}>".encode(), str(text).encode())
        return value


END, TOPIC, PARTITION, VALUE, KEY, FLAGS, TIMESTAMP, HEADER = 0, 1, 3, 4, 5, 7, 8, 9  # rd_kafka_vtype_t
PRODUCER, COPY = 0, 2
FLUSH_MS = 20_000


def produce_raw(bootstrap_servers: str, of: Sending) -> None:
    """Send one message through the C library, whose headers may have any name.

    Raises:
        Broken: the library or Kafka refuses it.

    """
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    c = CDLL(str(next(folder.glob("librdkafka*"))))
    c.rd_kafka_conf_new.restype = c.rd_kafka_new.restype = c_void_p
    text = create_string_buffer(200)
    options = c_void_p(c.rd_kafka_conf_new())
    c.rd_kafka_conf_set(options, b"bootstrap.servers", bootstrap_servers.encode(), text, c_size_t(200))
    producer = c_void_p(c.rd_kafka_new(PRODUCER, options, text, c_size_t(200)))
    headers = [
        part
        for name, value in of.headers
        for part in (
            c_int(HEADER), c_char_p(name if isinstance(name, bytes) else name.encode()),
            c_char_p(value if isinstance(value, bytes) else None),
            c_int64(len(value) if isinstance(value, bytes) else 0),
        )
    ]  # fmt: skip
    key, value = of.key or b"", of.value or b""
    failed = c.rd_kafka_producev(
        producer,
        c_int(TOPIC), c_char_p(of.topic.encode()), c_int(PARTITION), c_int32(of.partition),
        c_int(VALUE), c_char_p(value), c_size_t(len(value)), c_int(KEY), c_char_p(key), c_size_t(len(key)),
        c_int(TIMESTAMP), c_int64(of.at_ms), c_int(FLAGS), c_int(COPY), *headers, c_int(END),
    )  # fmt: skip
    failed = failed or c.rd_kafka_flush(producer, FLUSH_MS)
    c.rd_kafka_destroy(producer)
    if failed:
        raise Broken(f"the C library refuses a message with headers of its own: error {failed}")
