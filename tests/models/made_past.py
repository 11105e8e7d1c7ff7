"""Made-up purchases whose frauds can be learned: some prices too high, some items sold by thieves."""

from __future__ import annotations

import numpy as np
import polars as pl

from models.fraud_folds import DAY_MS
from models.fraud_gathering import Gathering
from models.fraud_training import Past
from topics.decode import schema_of
from topics.purchase_events import TOPIC

FIRST_DAY = 20_000  # 2024-10-04
PLAYERS, ITEMS = 80, 40


def made_purchases(days: int, seed: int = 1, a_day: int = 120) -> pl.DataFrame:
    """Decoded purchases in order of time, with fraud (0 or 1) and known_ms (7 days later)."""
    chance = np.random.default_rng(seed)
    count = days * a_day
    time = np.sort(chance.integers(0, days * DAY_MS, count)) + FIRST_DAY * DAY_MS
    item = chance.integers(0, ITEMS, count)
    price = chance.lognormal(3, 0.5, count).round(2)
    high = chance.random(count) < 0.02
    price[high] += 200
    stolen = (item == 7) & (chance.random(count) < 0.5)
    frame = pl.DataFrame(
        {
            "player_id": [f"p{number}" for number in chance.integers(0, PLAYERS, count)],
            "item_id": [f"i{number}" for number in item],
            "price": (price * 10_000).astype(np.int64),
            "currency": ["EUR"] * count,
            "game_id": [""] * count,
            "ip_address": [f"10.0.{number % 4}.{number}" for number in chance.integers(0, 200, count)],
            "event_time": time,
            "fraud": (high | stolen).astype(np.int64),
            "known_ms": time + 7 * DAY_MS,
        }
    )
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in schema_of(TOPIC).items() if name not in frame.columns
    ]
    return frame.with_columns(missing)


def made_past(days: int, seed: int = 1) -> Past:
    """The same as a model's past."""
    purchases = made_purchases(days, seed)
    gathering = Gathering(FIRST_DAY)
    gathering.learn(purchases)
    gathering.add(purchases)
    return gathering.past()
