"""The load: a thread that produces to all topics at a steady rate, and writes down what was acknowledged.

Rules: the producer is idempotent and waits as long as the broker is away, while messages go on to be made:
they come in a burst. An acknowledgement is kept as place and digest of the message, to be found again in the
log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from threading import Event, Thread
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from verify.logs import Recorded, producing
from verify.troubled import Sent

STEP_S = 0.05
FLUSH_WITHIN_S = 120.0
RECONNECT_MS = 500  # or a client waits up to 10 s after the broker is back


Acked = Mapping[tuple[str, int], Mapping[int, bytes]]  # topic and partition -> offset -> digest


@dataclass(frozen=True, slots=True)
class Stream:
    """What goes to one topic."""

    topic: str
    messages: Iterator[Sent]
    per_second: float


def digest(key: bytes | None, value: bytes | None) -> bytes:
    """Give 16 bytes that stand for a message's key and value."""
    parts = b"\0" if key is None else b"\1%d:" % len(key) + key, b"\0" if value is None else b"\1" + value
    return blake2b(b"".join(parts), digest_size=16).digest()


class Feed:
    """Sends for as long as the `with` block lasts; leaving it waits for all acknowledgements."""

    def __init__(self, bootstrap_servers: str, streams: list[Stream]) -> None:
        self._producer = Producer(
            producing(bootstrap_servers)
            | {"reconnect.backoff.max.ms": RECONNECT_MS, "message.timeout.ms": 600_000}
        )
        self._streams = streams
        self._stop, self._thread = Event(), Thread(target=self._run, name="feed")
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()  # by the client's error
        self.acked: defaultdict[tuple[str, int], dict[int, bytes]] = defaultdict(dict)
        self.acknowledged = 0
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if error is None and self._producer.flush(FLUSH_WITHIN_S):
            raise TimeoutError("Kafka did not acknowledge all messages")
        if error is None and self.failure:
            raise self.failure

    def _run(self) -> None:
        due = dict.fromkeys((stream.topic for stream in self._streams), 0.0)
        try:
            while not self._stop.wait(STEP_S):
                for stream in self._streams:
                    due[stream.topic] += stream.per_second * STEP_S
                    while due[stream.topic] >= 1:
                        self._send(stream.topic, next(stream.messages))
                        due[stream.topic] -= 1
                self._producer.poll(0)
        except BaseException as error:  # noqa: BLE001  a thread's end must reach the one who waits
            self.failure = error

    def _send(self, topic: str, sent: Sent) -> None:
        heard = partial(self._heard, digest(sent.key, sent.value))
        while True:
            try:
                self._producer.produce(topic, sent.value, sent.key, sent.partition, on_delivery=heard)
            except BufferError:
                self._producer.poll(STEP_S)
            else:
                self.sent[topic] += 1
                return

    def _heard(self, of: bytes, error: KafkaError | None, message: Message) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if error is not None or topic is None or partition is None or offset is None:
            self.refused[str(error)] += 1
            return
        self.acked[topic, partition][offset] = of
        self.acknowledged += 1


def missing(acked: Acked, topic: str, log: list[Recorded]) -> list[str]:
    """Name the acknowledged messages that the log lacks, or holds with other bytes at their place."""
    held = {(of.partition, of.offset): digest(of.key, of.value) for of in log}
    return [
        f"{topic} {partition}:{offset} was acknowledged and "
        + ("holds other bytes" if (partition, offset) in held else "is not there")
        for (of_topic, partition), offsets in sorted(acked.items())
        if of_topic == topic
        for offset, wanted in sorted(offsets.items())
        if held.get((partition, offset)) != wanted
    ]
