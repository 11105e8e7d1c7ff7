"""`python -m bench.server_stream SERVERS TOPIC SECONDS`: 5,000 samples/s of as many servers, live."""

from __future__ import annotations

import sys
import time

from confluent_kafka import Producer

from bench.load import PARTITIONS
from bench.servers import ServerLoad, values

PER_S = 5_000  # servers, each of which sends a sample a second
TICK = PER_S // 50  # samples sent at once, 50 times a second


def main(servers: str, topic: str, seconds: int) -> None:
    """Send `seconds` of samples at their own pace."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "compression.type": "lz4"})
    began, place = time.time(), 0
    for block in ServerLoad(PER_S * seconds).blocks():
        for loads in values(block).to_list():
            server, time_ms = place % PER_S, int(began * 1000) + place * 1000 // PER_S
            value = f'{{"server_id":"live_{server:04d}","timestamp":{time_ms},{loads}}}'
            producer.produce(topic, value.encode(), partition=server % PARTITIONS)
            place += 1
            if place % TICK == 0:
                producer.poll(0)
                time.sleep(max(0.0, began + place / PER_S - time.time()))
    producer.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
