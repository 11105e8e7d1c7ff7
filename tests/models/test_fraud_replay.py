"""A replay over partitions gives the features that one history of all gives, whatever the blocks."""

from __future__ import annotations

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from models.fraud_features import Histories, Labels
from models.fraud_replay import Replay, aged, features_of
from tests.models.fraud_purchases import made


def test_a_replay_gives_the_features_of_one_history() -> None:
    purchases = made(4_000, 7, players=300).with_columns(
        partition=pl.col("player_id").hash() % 3, kafka_time_ms="event_time"
    )
    created = {f"player-{number}": (1_650_000_000_000 + number, number) for number in range(200)}
    replay, found = Replay(), []
    for block in purchases.iter_slices(700):
        pieces, rows = replay.fold(block), np.arange(block.height)
        order = np.argsort(block["partition"].to_numpy(), kind="stable")
        picked, features = features_of(aged(block, created), pieces, rows[order], Labels())
        assert_frame_equal(picked.select(block.columns), block[order])
        found.append(features[np.argsort(order)])
    assert_frame_equal(pl.concat(found), Histories().fold(aged(purchases, created)))


def test_an_account_counts_from_when_it_was_known() -> None:
    purchases = pl.DataFrame({"player_id": ["a", "a", "b"], "kafka_time_ms": [99, 100, 100]})
    found = aged(purchases, {"a": (7, 100)})
    assert found["account_created_ms"].to_list() == [None, 7, None]
