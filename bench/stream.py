"""`python -m bench.stream SERVERS TOPIC SECONDS`: 20,000 events/s as they happen."""

from __future__ import annotations

import sys
import time

from confluent_kafka import Producer

from bench.load import BLOCK, PARTITIONS, PER_S, Load, blocks, messages

TICK = PER_S // 50  # events sent at once, 50 times a second


def main(servers: str, topic: str, seconds: int) -> None:
    """Send `seconds` of traffic at its own pace."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "compression.type": "lz4"})
    began = time.time()
    for number, block in enumerate(blocks(Load(PER_S * seconds, ids=False, start_ms=int(began * 1000)))):
        made = zip(
            messages(block, ids=False).to_list(), (block["player"] % PARTITIONS).to_list(), strict=True
        )
        for place, (value, partition) in enumerate(made, number * BLOCK):
            producer.produce(topic, value.encode(), partition=partition)
            if place % TICK == 0:
                producer.poll(0)
                time.sleep(max(0.0, began + place / PER_S - time.time()))
    producer.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
