"""Days of made-up purchases through features and rules as the flow has them: alerts, and what was planted.

Rules: messages are decoded from their bytes, in log order; Kafka's time is when a message was sent. An
account's creation counts from its registration on. No engine and no server runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from models.fraud_features import Histories
from models.fraud_judging import Judging
from models.fraud_rule import RuleBook
from models.fraud_suspicion import Origin
from simulator.batch import Batch
from simulator.fraud_days import Days, ShopDays
from simulator.fraud_truth import FraudTruth
from simulator.plan import PURCHASE_EVENTS
from topics import players, purchase_events
from topics.decode import Decoded, decode
from verify.fraud_marks import Marks, Raised, marked

ORIGIN = Origin("00000000", PURCHASE_EVENTS, 0)


@dataclass(slots=True)
class Alerts:
    """The alerts of live rules so far, by their id."""

    judging: Judging
    histories: Histories = field(default_factory=Histories)
    created_ms: dict[str, int] = field(default_factory=dict)
    event_ids: list[str] = field(default_factory=list)  # by offset
    raised: dict[str, Raised] = field(default_factory=dict)

    def register(self, batch: Batch) -> None:
        """Take registrations."""
        frame = decoded(batch).frame
        self.created_ms.update(zip(frame["player_id"], frame["created_at"], strict=True))

    def judge(self, batch: Batch) -> None:
        """Take purchases, and raise alerts."""
        purchases = self._read(batch)
        self.event_ids += purchases["event_id"].to_list()
        features = self.histories.fold(purchases)
        for found in self.judging.suspicions(features, purchases, ORIGIN):
            if not found.shadow:
                alert = self.raised.setdefault(found.alert_id, Raised(found.rule_id, found.player_id))
                alert.add(self.event_ids[found.evidence.offset], found.evidence.time_ms)

    def _read(self, batch: Batch) -> pl.DataFrame:
        """Decode purchases; all of them are good ones."""
        good = decoded(batch)
        first = len(self.event_ids)
        return good.frame.with_columns(
            pl.Series("kafka_time_ms", batch.due_us[good.rows] // 1000),
            pl.Series("offset", np.arange(first, first + good.frame.height)),
            pl.col("player_id")
            .replace_strict(self.created_ms, default=None, return_dtype=pl.Int64)
            .alias("account_created_ms"),
        )


def decoded(batch: Batch) -> Decoded:
    """Decode messages as a flow does."""
    topic = purchase_events.TOPIC if batch.topic == PURCHASE_EVENTS else players.TOPIC
    return decode(topic, batch.values, batch.due_us // 1000)


def judged(days: Days, book: RuleBook) -> Marks:
    """Simulate, judge, and compare with what was planted."""
    shop = ShopDays(days)
    truth = FraudTruth(days.plan.run, shop.people)
    alerts = Alerts(Judging(book))
    for registrations, purchases in shop.blocks():
        if len(registrations):
            alerts.register(registrations)
        if len(purchases):
            alerts.judge(purchases)
            truth.add(purchases.facts)
    return marked(alerts.raised.values(), tuple(truth.cases()), tuple(truth.shared()), len(alerts.event_ids))
