"""Label features: only what is known at the purchase, 7 days old."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_label_book import Labels, items_of
from tests.models.fraud_oracle import DAY, Row, ripe_labels

SPANS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
COLUMNS = ("item_id", "game_id", "currency")


def item_of(row: Row) -> object:
    return tuple(row[name] for name in COLUMNS)


def some(dice: random.Random, count: int) -> list[dict[str, Any]]:
    return [
        {
            "item_id": dice.choice("xyz"),
            "game_id": dice.choice(["", "g"]),
            "currency": dice.choice(["EUR", "USD"]),
            "event_time": time,
            "fraud": dice.random() < 0.3,
            "known_ms": time + dice.choice([0, 3, 7, 20]) * DAY + dice.randint(0, DAY),
        }
        for time in (dice.randint(0, 60 * DAY) for _ in range(count))
    ]


def asked(labels: Labels, purchases: Sequence[Row]) -> dict[str, npt.NDArray[np.float64]]:
    frame = pl.DataFrame(purchases)
    return labels.features(items_of(frame), frame["kafka_time_ms"].to_numpy())


def test_labels_count_from_when_they_are_known_and_7_days_old() -> None:
    dice = random.Random(1)
    told, purchases = some(dice, 400), some(dice, 200)
    for purchase in purchases:
        purchase["kafka_time_ms"] = purchase["event_time"]
    labels = Labels()
    labels.learn(pl.DataFrame(told[:150]))
    labels.learn(pl.DataFrame(told[150:]))
    found = asked(labels, purchases)
    for name, span in SPANS.items():
        expected = [ripe_labels(told, row, item_of, span) for row in purchases]
        assert found[f"item_labelled_{name}"].tolist() == [count for count, _ in expected]
        shares = [frauds / count if count else None for count, frauds in expected]
        assert pl.Series(found[f"item_fraud_share_{name}"]).fill_nan(None).to_list() == shares


def test_labels_learnt_later_change_nothing_before_they_are_known() -> None:
    dice = random.Random(2)
    told = some(dice, 300)
    purchases = [row | {"kafka_time_ms": 40 * DAY} for row in some(dice, 50)]
    known = [label for label in told if label["known_ms"] <= 40 * DAY]
    early, late = Labels(), Labels()
    early.learn(pl.DataFrame(known))
    late.learn(pl.DataFrame(told))
    for name, column in asked(early, purchases).items():
        assert pl.Series(column).equals(pl.Series(asked(late, purchases)[name]))


def test_without_labels_nothing_is_known() -> None:
    found = asked(Labels(), [some(random.Random(3), 1)[0] | {"kafka_time_ms": 0}])
    assert found["item_labelled_30d"].tolist() == [0.0]
    assert pl.Series(found["item_fraud_share_30d"]).is_nan().all()
