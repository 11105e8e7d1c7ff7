"""How long an item has had fraud labels, against a plain count."""

from __future__ import annotations

from random import Random

import numpy as np
import polars as pl
import pytest

from models.fraud_kinds import DAY_MS
from models.fraud_label_book import Labels, items_of

BEGIN_MS = 1_700_000_000_000


def bought(chance: Random, items: int, days: int) -> dict[str, str | int]:
    time = BEGIN_MS + chance.randrange(days * DAY_MS)
    return {"item_id": f"i{chance.randrange(items)}", "game_id": "", "currency": "EUR", "event_time": time}


def plain(labels: list[dict[str, str | int]], purchase: dict[str, str | int]) -> list[float]:
    """Seconds since the first and last fraud label of 30 days; NaN where there is none."""
    at = int(purchase["event_time"])
    ripe = [
        (max(int(label["event_time"]) + 7 * DAY_MS, int(label["known_ms"])), label["fraud"])
        for label in labels
        if label["item_id"] == purchase["item_id"]
    ]
    frauds = [time for time, fraud in ripe if fraud and at - 30 * DAY_MS < time <= at]
    if not frauds:
        return [np.nan] * 2
    return [(at - end) / 1000 for end in (min(frauds), max(frauds))]


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_fraud_labels_of_an_item_are_dated_and_followed(share: float) -> None:
    chance = Random(1)
    labels = [bought(chance, 4, 60) | {"fraud": chance.random() < share} for _ in range(300)]
    for label in labels:
        label["known_ms"] = int(label["event_time"]) + chance.randrange(12 * DAY_MS)
    purchases = [bought(chance, 5, 80) for _ in range(400)]
    book = Labels()
    book.learn(pl.DataFrame(labels))
    asked = pl.DataFrame(purchases)
    found = book.features(items_of(asked), asked["event_time"].to_numpy())
    names = [f"item_since_{which}_fraud_s" for which in ("first", "last")]
    wanted = np.array([plain(labels, purchase) for purchase in purchases])
    assert np.array_equal(np.column_stack([found[name] for name in names]), wanted, equal_nan=True)
