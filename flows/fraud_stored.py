"""Stored purchases as the fraud flow saw them: in the order of the log, without duplicates and late ones.

Rules: ring and watermark are those of the live lane (`windows.stored`). What the live flow took for late
because a partition had been silent stands in `late_events`, and is left out here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
from clickhouse_connect.driver.client import Client

from models.fraud_history import KEPT_MS
from sources.stored_order import Piece, Place, Stretch
from sources.stored_purchases import StoredPurchases
from topics.purchase_events import TOPIC
from windows.plan import Plan
from windows.stored import StoredLane, stored_state

PLACE = ("log", "partition")


@dataclass(slots=True)
class Stored:
    """What is stored of the purchases of a time, and of those before that are their history."""

    table: StoredPurchases
    plan: Plan
    stretches: Sequence[Stretch]
    lanes: dict[Place, StoredLane] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let each lane stand where the live one stood."""
        for of in self.stretches:
            place = of.log, TOPIC.name, of.partition
            lane = StoredLane(self.plan, stored_state(self.plan, place, of.begin, of.newest_ms))
            if self.plan.dedup_offsets and of.begin > of.low:
                lane.remember(self.table.ids(of, self.plan.dedup_offsets))
            self.lanes[of.place] = lane

    def good(self, piece: Piece) -> pl.DataFrame:
        """Give a piece's good purchases in order.

        `place` is the number of each one's stretch, `judged` whether it is of the time that is asked for.
        """
        rows = self.table.rows(piece).with_row_index("at")
        parts = [self._judged(rows.filter(log=of.log, partition=of.partition), of) for of in self.stretches]
        good = pl.concat([part for part in parts if part.height] or parts[:1]).sort("at").drop("at")
        return good.join(self.table.left_out(self.plan.flow, piece), on=[*PLACE, "offset"], how="anti")

    def _judged(self, rows: pl.DataFrame, of: Stretch) -> pl.DataFrame:
        number = next(at for at, each in enumerate(self.stretches) if each is of)
        return (
            self.lanes[of.place]
            .good(rows)
            .with_columns(place=pl.lit(number, pl.Int64), judged=pl.col("offset") >= of.first)
        )


def stored_purchases(client: Client, plan: Plan, from_ms: int, to_ms: int) -> Stored:
    """Find what is to be read to judge the purchases that Kafka had in a time (epoch ms)."""
    reach_ms = 2 * (plan.allowed_lateness_ms + plan.max_out_of_orderness_ms)
    table = StoredPurchases(client)
    return Stored(table, plan, table.stretches(from_ms, to_ms, KEPT_MS + reach_ms))
