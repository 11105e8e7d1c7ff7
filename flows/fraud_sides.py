"""The side topics of the fraud flow: rules, labels and players, heard beside it and learnt between batches.

Rules: what is no good is told and counted by the reader (`sources.side_topic`), and changes nothing. What was
heard waits in an inbox, and is learnt on the flow's thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from flows.fraud_known import Known
from models.fraud_rule import SETTLES_MS
from models.fraud_rule_text import rule_of_record, version_of_key
from sinks import metrics as names
from sinks.metric import Sample
from sources.side_topic import SideTopic
from topics import fraud_labels, fraud_rules, players
from topics.decode import fields_of_topic
from topics.errors import BadInput
from topics.rejects import Fault
from topics.servers import KafkaServer
from topics.strict import Cell, decode_one
from topics.topic import Topic

LEARNT = {  # columns of a label, as `Labels.learn` takes them
    "item_id": pl.String,
    "game_id": pl.String,
    "currency": pl.String,
    "event_time": pl.Int64,
    "fraud": pl.Boolean,
    "known_ms": pl.Int64,
}
Learning = Callable[[], None]


@dataclass(slots=True)
class Sides:
    """All side topics of the flow, and what was heard of them and not learnt yet."""

    known: Known
    topics: list[SideTopic] = field(default_factory=list)
    inbox: deque[Learning] = field(default_factory=deque)
    labels: list[dict[str, Cell]] = field(default_factory=list)

    def open(self, server: KafkaServer) -> None:
        """Hear all that the topics hold, and learn it.

        Raises:
            BadInput: Kafka does not answer, or lacks a topic.

        """
        hears = {
            fraud_rules.TOPIC: self._hear_rule,
            fraud_labels.TOPIC: self._hear_label,
            players.TOPIC: self._hear_player,
        }
        for topic, hear in hears.items():
            self.topics.append(SideTopic(server, topic.name, hear, time.monotonic))
        for of in self.topics:
            of.start()
        self.catch_up()

    def catch_up(self) -> None:
        """Learn all that may count for purchases that were fetched until now."""
        now_s = time.monotonic()
        for topic in self.topics:
            topic.wait_for(now_s)
        while self.inbox:
            self.inbox.popleft()()
        if self.labels:
            self.known.labels.learn(pl.DataFrame(self.labels, schema=LEARNT))
            self.labels.clear()

    def samples(self) -> list[Sample]:
        """Tell what purchases are judged by, and what was no good; any thread may ask."""
        judging = self.known.judging
        live = len(judging.book.live_at(time.time_ns() // 1_000_000))
        version = 0 if judging.model is None else judging.model.version
        refused = [Sample(names.SIDE_REFUSED, float(of.refused), of.name) for of in self.topics]
        return [Sample(names.FRAUD_RULES, float(live)), Sample(names.FRAUD_MODEL, float(version)), *refused]

    def close(self) -> None:
        """End the threads."""
        for topic in self.topics:
            topic.close()

    def _hear_rule(self, key: bytes, value: bytes | None, kafka_ms: int, *_: int) -> None:
        if value is None:
            name, version = version_of_key(key)
            self.inbox.append(partial(self.known.judging.book.remove, name, version, kafka_ms))
        else:
            self.inbox.append(partial(self.known.judging.book.add, rule_of_record(key, value), kafka_ms))

    def _hear_label(self, _key: bytes, value: bytes | None, kafka_ms: int, *_: int) -> None:
        cells = _cells(fraud_labels.TOPIC, value, kafka_ms)
        cells["event_time"] = cells["purchase_timestamp"]
        cells["known_ms"] = kafka_ms + SETTLES_MS
        self.inbox.append(partial(self.labels.append, {name: cells[name] for name in LEARNT}))

    def _hear_player(self, key: bytes, value: bytes | None, kafka_ms: int, *_: int) -> None:
        if value is None:
            self.inbox.append(partial(self.known.forget, key.decode(errors="replace")))
            return
        cells = _cells(players.TOPIC, value, kafka_ms)
        player, created = cells["player_id"], cells["created_at"]
        if isinstance(player, str) and isinstance(created, int):
            self.inbox.append(partial(self.known.meet, player, created, kafka_ms + SETTLES_MS))


def _cells(topic: Topic, value: bytes | None, kafka_ms: int) -> dict[str, Cell]:
    """Read a message's fields.

    Raises:
        BadInput: it is no such message.

    """
    fields = fields_of_topic(topic)
    found = decode_one(fields, topic.time, value, kafka_ms)
    if isinstance(found, Fault):
        raise BadInput(f"{found.reason} {found.path} {found.error}".strip())
    return {name: found[at] for name, at in fields.at.items()}
