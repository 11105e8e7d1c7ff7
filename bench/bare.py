"""`python -m bench.bare SERVERS TOPIC EVENTS`: the reference, a bare consume loop; prints one JSON line.

confluent-kafka `consume(2000)` + `value()` with `fetch.queue.backoff.ms=2`, all else at its default, one
consumer for all partitions.
"""

from __future__ import annotations

import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from bench.load import PARTITIONS


def main(servers: str, topic: str, events: int) -> None:
    """Consume all and print events/s from the first message on."""
    options = {"bootstrap.servers": servers, "group.id": "bare", "fetch.queue.backoff.ms": 2}
    consumer = Consumer({**options, "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    seen, started = 0, 0.0
    while seen < events:
        messages = consumer.consume(2000, 1)
        started = started or time.perf_counter()
        for message in messages:
            message.value()
        seen += len(messages)
    rate = events / (time.perf_counter() - started)
    print(json.dumps({"rate": rate, "cpu_us": time.process_time() / events * 1e6}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
