"""A rule that is published while purchases flow counts from a second after it on, to the purchase."""

from __future__ import annotations

import json
import time
from threading import Event, Thread
from typing import Self

import pytest

from tests.flow_fixture import World, until
from verify.logs import read_back, write
from verify.troubled import Sent

FLOW, TOPIC = ("-m", "flows.process", "fraud"), "purchase-events"
RULE = """id: t_live
version: {version}
when: price == {price}
decision: review
suppress_s: 1
"""
AFTER_S = 1.5  # traffic goes on so long after a rule counts
BATCH = 200

pytestmark = pytest.mark.slow


class Buying:
    """Purchases without end, each of a player of its own, every fifth of price 7, every fifth of price 8."""

    def __init__(self, kafka: str) -> None:
        self._kafka, self._stop, self.sent = kafka, Event(), 0
        self._thread = Thread(target=self._buy)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Send no more; what was begun is acknowledged."""
        self._stop.set()
        self._thread.join()

    def _buy(self) -> None:
        while not self._stop.is_set():
            write(self._kafka, TOPIC, [self._purchase(self.sent + more) for more in range(BATCH)])
            self.sent += BATCH

    def _purchase(self, number: int) -> Sent:
        player = f"p{number}"
        event = {
            "player_id": player,
            "item_id": "i",
            "price": 5 + number % 5,
            "currency": "EUR",
            "ip_address": f"10.{number % 250}.{number // 250 % 250}.{number // 62_500}",
            "purchase_timestamp": int(time.time() * 1000),
        }
        return Sent(number % 4, player.encode(), json.dumps(event).encode())


def counts_from_ms(world: World, version: int) -> int:
    """When a version counts from: a second after Kafka had it."""
    key = f"t_live:{version}".encode()
    records = read_back(world.kafka.bootstrap_servers, "fraud-rules")
    return next(of.arrived_ms for of in records if of.key == key) + 1_000


def publish(world: World, version: int, price: int) -> None:
    file = world.folder / f"v{version}.yaml"
    file.write_text(RULE.format(version=version, price=price))
    ended = world.run("-m", "cli", "rules", "publish", str(file))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_rule_published_under_load_counts_from_a_second_after_it_on(world: World) -> None:
    kafka = world.kafka.bootstrap_servers
    with Buying(kafka) as buying, world.started(*FLOW) as flow:
        until(lambda: world.ask("SELECT count() FROM accounting")[0][0], seconds=150)
        publish(world, 1, 7)
        until(lambda: time.time() * 1_000 > counts_from_ms(world, 1) + AFTER_S * 1_000)
        publish(world, 2, 8)
        until(lambda: time.time() * 1_000 > counts_from_ms(world, 2) + AFTER_S * 1_000)
        buying.end()
        until(lambda: world.ask("SELECT sum(read) FROM accounting") == [(buying.sent,)], seconds=150)
        flow.terminate()
        assert flow.wait(60) == 0

    first_ms, second_ms = counts_from_ms(world, 1), counts_from_ms(world, 2)
    due = set()
    for of in read_back(kafka, TOPIC):
        price = json.loads(of.value or b"")["price"]
        live = 0 if of.arrived_ms < first_ms else 1 if of.arrived_ms < second_ms else 2
        if (live, price) in {(1, 7), (2, 8)}:
            due.add((of.partition, of.offset, live))
    rows = world.ask("SELECT evidence, rule_version FROM fraud_alerts WHERE rule_id = 't_live'")
    found = [
        (of["partition"], of["offset"], version)
        for evidence, version in rows
        for of in json.loads(str(evidence))
    ]
    assert len(found) == len(set(found))
    assert set(found) == due
    assert {version for *_, version in due} == {1, 2}
