"""Measures of scores: by hand, and against the handbook's own way of counting cards."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
import pytest

from models.fraud_measures import Measures, mean_of, measures, precision_at, threshold_for


def scored(*rows: tuple[int, str, int, float]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=["day", "player_id", "fraud", "score"], orient="row")


def made(seed: int) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    count = 2_000
    return pl.DataFrame(
        {
            "day": chance.integers(0, 7, count),
            "player_id": [f"p{number}" for number in chance.integers(0, 300, count)],
            "fraud": (chance.random(count) < 0.05).astype(np.int64),
            "score": chance.random(count),
        }
    )


def test_measures_by_hand() -> None:
    found = measures(scored((0, "a", 1, 0.9), (0, "b", 0, 0.8), (0, "c", 1, 0.4), (0, "d", 0, 0.1)), budget=2)
    assert msgspec.structs.asdict(found) == pytest.approx(
        {
            "purchases": 4,
            "frauds": 2,
            "average_precision": (1 + 2 / 3) / 2,
            "precision": 0.5,
            "auc": 0.75,
            "brier": (0.01 + 0.64 + 0.36 + 0.01) / 4,
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_cards_are_counted_as_in_the_handbook(seed: int) -> None:
    frame = made(seed)
    found: list[str] = []
    shares = []
    for day in range(7):  # the book's card_precision_top_k, said again
        players: dict[str, tuple[float, int]] = {}
        for _, player, fraud, score in frame.filter(pl.col("day") == day).iter_rows():
            best, robbed = players.get(player, (0.0, 0))
            players[player] = max(best, score), max(robbed, fraud)
        ranked = sorted((player for player in players if player not in found), key=lambda of: -players[of][0])
        hits = [player for player in ranked[:20] if players[player][1]]
        found += hits
        shares.append(len(hits) / 20)
    assert precision_at(frame, 20) == pytest.approx(sum(shares) / 7)


@pytest.mark.parametrize("budget", [1, 5, 40])
def test_the_threshold_lets_through_what_can_be_reviewed_and_no_less(budget: int) -> None:
    frame = made(7)
    threshold = threshold_for(frame, budget)
    best = frame.group_by("day", "player_id").agg(pl.col("score").max())
    reviewed = best.filter(pl.col("score") >= threshold).height
    assert reviewed == budget * 7


def test_equal_scores_are_reviewed_together_or_not_at_all() -> None:
    frame = scored((0, "a", 1, 0.9), (0, "b", 0, 0.5), (0, "c", 0, 0.5))
    assert threshold_for(frame, 2) == 0.9
    assert threshold_for(scored((0, "a", 1, 0.5), (0, "b", 0, 0.5)), 1) > 0.5
    assert threshold_for(frame, 3) == 0.5


def test_means_weigh_each_fold_alike() -> None:
    first, second = Measures(10, 1, 0.5, 0.2, 0.8, 0.1), Measures(30, 3, 0.7, 0.4, 0.9, 0.3)
    assert msgspec.structs.astuple(mean_of([first, second])) == pytest.approx((40, 4, 0.6, 0.3, 0.85, 0.2))
