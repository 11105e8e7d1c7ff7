"""The benchmark's purchases: a million players, 500 items of fixed prices, all fields that features look at.

2,000 purchases/s of event time in offset order of each partition, keyed by player. Half of the players share
an address with a few others. A pure function of the load, so the truth can be made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from bench.load import BLOCK, PARTITIONS, START_MS, stamped

PLAYERS, ITEMS, PER_S = 1_000_000, 500, 2_000
REGULARS, OFTEN = 5_000, 0.02  # so many players make this share of all purchases, besides their own
DEAR, DEAR_EVERY = "999.5", 500  # a price that nothing else has


@dataclass(frozen=True, slots=True)
class PurchaseLoad:
    """How many purchases."""

    events: int
    seed: int = 23

    @property
    def topic(self) -> str:
        """Name the topic that holds it."""
        return f"bench-purchases-{PLAYERS}-{self.events}"

    def batches(self) -> Iterator[tuple[list[bytes], list[int]]]:
        """Give the messages in order, and the partition of each."""
        for block in self.blocks():
            values = [value.encode() for value in messages(block).to_list()]
            yield values, (block["player"] % PARTITIONS).to_list()

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Make the purchases block by block; a few players buy often."""
        for number, first in enumerate(range(0, self.events, BLOCK)):
            count = min(BLOCK, self.events - first)
            random = np.random.default_rng((self.seed, number))
            n = np.arange(first, first + count)
            often, some = random.random(count) < OFTEN, random.integers(0, REGULARS, count)
            yield pl.DataFrame(
                {
                    "n": n,
                    "player": np.where(often, some, random.integers(0, PLAYERS, count)),
                    "item": random.integers(0, ITEMS, count),
                    "time_ms": START_MS + n * 1000 // PER_S,
                    "dear": n % DEAR_EVERY == 0,
                }
            )


def messages(block: pl.DataFrame) -> pl.Series:
    """Write a block's purchases as JSON; all values are strings but the price."""
    return block.select(
        pl.format(
            '{{"player_id":"player_{}","item_id":"item_{}","price":{},"currency":"EUR","purchase_timestamp":"{}",'
            '"ip_address":"10.{}.{}.{}","session_id":"s{}","device_id":"d{}","transaction_id":"t{}","country":"DE"}}',
            "player",
            "item",
            pl.when("dear").then(pl.lit(DEAR)).otherwise(pl.format("{}.99", pl.col("item") % 40 + 1)),
            stamped("time_ms"),
            pl.col("player") // 2 % 200,
            pl.col("player") // 400 % 250,
            pl.col("player") % 3 * (pl.col("player") % 2) + 1,
            pl.col("player"),
            pl.col("player"),
            pl.col("n"),
        )
    ).to_series()
