"""What the live fraud flow wrote down: its alerts, and how far it has read."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from models.fraud_compared import Seen
from models.fraud_rule import Rule
from sources.stored_order import Place
from topics.purchase_events import TOPIC

_ALERTS = """
SELECT alert_id, JSONExtract(evidence, 'Array(Tuple(log String, partition Int64, offset Int64))'), purchases,
    toUnixTimestamp64Milli(first_event_time), decision
FROM fraud_alerts
WHERE rule_id = {id:String} AND rule_version = {version:UInt32}
    AND window_start > fromUnixTimestamp64Milli({from:Int64})
"""
_BOOKS = """
SELECT `log`, toInt64(`partition`), next_offset, `read` FROM accounting
WHERE flow = {flow:String} AND topic = {topic:String}
"""


def logged_alerts(client: Client, rule: Rule, oldest_ms: int) -> dict[str, Seen]:
    """Read the alerts of a rule's version whose windows end after an event time (epoch ms), by id."""
    size = timedelta(seconds=rule.suppress_s) // timedelta(milliseconds=1)
    asked = {"id": rule.id, "version": rule.version, "from": oldest_ms - size}
    rows = client.query(_ALERTS, parameters=asked).result_rows
    return {
        name: Seen(tuple(tuple(spot.values()) for spot in spots), purchases, first_ms, decision)
        for name, spots, purchases, first_ms, decision in rows
    }


class Book(NamedTuple):
    """How far a flow has read a partition, and how many messages of it."""

    next_offset: int
    read: int

    @property
    def from_start(self) -> bool:
        """Tell whether it has read the log from its first message on."""
        return self.read == self.next_offset


def books(client: Client, flow: str) -> dict[Place, Book]:
    """Tell how far a flow has read each partition of the purchases, as its books say."""
    asked = {"flow": flow, "topic": TOPIC.name}
    rows = client.query(_BOOKS, parameters=asked).result_rows
    return {(log, partition): Book(next_offset, read) for log, partition, next_offset, read in rows}
