"""`python -m bench.alert_stream SERVERS LOG RUN RATE SECONDS FILE`: live server metrics, some of which alert.

200 servers in turn, each in the partition of its number. Every 40th sample of a server is above the limit of
cpu_load and the next one is not: an alert, and its `resolved`; so 5 % of the samples alert. At its end it
writes one JSON object: of each alert that is due the id, when its sample was given to produce() (monotonic
seconds, which all processes of a host share), and whether it counts: not in the first seconds.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from bench.load import PARTITIONS
from topics.alerts import alert_id
from topics.errors import Broken

TOPIC, METRIC, LIMIT = "server-metrics", "cpu_load", 90.0
SERVERS, EVERY, WARM_S = 200, 40, 3.0
ABOVE, BELOW = EVERY - 2, EVERY - 1  # of a server's samples
Due = dict[str, tuple[float, bool]]


def main(servers: str, log: str, run: str, rate: int, seconds: int) -> Due:
    """Send for some seconds, after the first ones; gives the alerts that are due."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 1, "enable.idempotence": True})
    due: Due = {}

    def delivered(at: float, counts: bool, error: KafkaError | None, message: Message) -> None:  # noqa: FBT001
        if error is not None:
            raise Broken(f"Kafka refused a sample: {error.str()}")
        partition, offset = message.partition(), message.offset()
        due[alert_id(log, TOPIC, int(partition or 0), int(offset or 0), METRIC)] = (at, counts)

    began, began_ms = time.monotonic(), int(time.time() * 1000)
    place, total = 0, int(rate * (seconds + WARM_S))
    while place < total:
        wanted = min(total, int((time.monotonic() - began) * rate))
        while place < wanted:
            at = time.monotonic()
            server, sample = place % SERVERS, place // SERVERS
            time_ms = began_ms + place * 1000 // rate  # at most rates of 200,000/s a server's times grow
            phase = (sample + server) % EVERY  # at any time some server alerts
            value = _sample(f"{run}-{server}", 97.5 if phase == ABOVE else 40.25, time_ms)
            alerts = phase == ABOVE or (phase == BELOW and sample > 0)
            told = partial(delivered, at, at - began >= WARM_S) if alerts else None
            producer.produce(TOPIC, value, partition=server % PARTITIONS, on_delivery=told)
            place += 1
        producer.poll(0)
        time.sleep(0.0005)
    producer.flush()
    return due


def _sample(server: str, cpu_load: float, time_ms: int) -> bytes:
    return (
        f'{{"server_id":"{server}","cpu_load":{cpu_load},"memory_usage":61.5,"latency":43.125,'
        f'"timestamp":{time_ms}}}'
    ).encode()


if __name__ == "__main__":
    sent = main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    Path(sys.argv[6]).write_text(json.dumps(sent), encoding="utf-8")
