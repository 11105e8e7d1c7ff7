"""`python -m bench.told_stream SERVERS RUN RATE SECONDS FILE`: live purchases, one in a hundred alerts.

An alerting purchase is the only one of its player, so its alert's id is known. At the end one JSON object is
written: of each alert that is due the id, when its purchase was given to produce() (monotonic seconds, which
all processes of a host share), and whether it counts: not in the first seconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from bench.load import PARTITIONS
from bench.purchase_truth import DEAR, HOUR_MS, alert_of
from topics.errors import Broken
from topics.purchase_events import TOPIC

PLAYERS, EVERY, WARM_S = 20_000, 100, 5.0
Due = dict[str, tuple[float, bool]]


def main(servers: str, run: str, rate: int, seconds: int) -> Due:
    """Send for some seconds, after the first ones; gives the alerts that are due."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 2, "enable.idempotence": True})
    due: Due = {}
    began, place, total = time.monotonic(), 0, int(rate * (seconds + WARM_S))
    while place < total:
        wanted = min(total, int((time.monotonic() - began) * rate))
        while place < wanted:
            at, time_ms = time.monotonic(), int(time.time() * 1000)
            player = f"{run}-{place}" if place % EVERY == 0 else f"player_{place * 7_919 % PLAYERS}"
            if place % EVERY == 0:
                due[alert_of(DEAR, player, time_ms // HOUR_MS * HOUR_MS)] = (at, at - began >= WARM_S)
            value = purchase(player, place, time_ms)
            producer.produce(TOPIC.name, value, player, partition=place % PARTITIONS, on_delivery=_delivered)
            place += 1
        producer.poll(0)
        time.sleep(0.004)  # the load generator leaves the cores to what is measured
    producer.flush()
    return due


def purchase(player: str, number: int, time_ms: int) -> bytes:
    """Write a purchase; that of a number which `EVERY` divides is dear."""
    item = number % 97
    price = 999.5 if number % EVERY == 0 else item % 40 + 1.99
    return (
        f'{{"player_id":"{player}","item_id":"item_{item}","price":{price},"currency":"EUR",'
        f'"purchase_timestamp":{time_ms},"ip_address":"10.{number % 200}.{number % 250}.{number % 89}",'
        f'"session_id":"s{player}","device_id":"d{player}","transaction_id":"{time_ms}-{number}"}}'
    ).encode()


def _delivered(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise Broken(f"Kafka refused a purchase: {error.str()}")


if __name__ == "__main__":
    sent = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    Path(sys.argv[5]).write_text(json.dumps(sent), encoding="utf-8")
