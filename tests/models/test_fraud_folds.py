"""Time is cut as the handbook cuts it, and what comes later changes nothing that was known before."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fraud_folds import (
    DAY_MS,
    Fold,
    calibrating,
    earlier,
    fold_from,
    known_of,
    test_rows,
    training_rows,
    weekly,
)
from models.fraud_gathering import Gathering
from models.fraud_inputs import INPUTS
from models.fraud_training import Folds
from tests.models.made_past import FIRST_DAY, made_past, made_purchases

week_rows = test_rows  # pytest would take it for a test
del test_rows


def handbook(day: list[int], player: list[str], fraud: list[int], begin: int) -> tuple[list[int], list[int]]:
    """The book's get_train_test_set, said again: 7 days training, 7 days delay, 7 days test."""
    rows = range(len(day))
    train = [row for row in rows if begin <= day[row] < begin + 7]
    known = {player[row] for row in train if fraud[row]}
    test: list[int] = []
    for number in range(7):
        known |= {player[row] for row in rows if day[row] == begin + 7 + number - 1 and fraud[row]}
        test += [row for row in rows if day[row] == begin + 14 + number and player[row] not in known]
    return train, test


@given(st.lists(st.tuples(st.integers(0, 30 * 24), st.integers(0, 5), st.booleans()), max_size=120))
@settings(max_examples=60, deadline=None)
def test_train_and_test_rows_are_those_of_the_handbook(rows: list[tuple[int, int, bool]]) -> None:
    rows.sort(key=lambda row: row[0])
    hours, players, frauds = ([row[place] for row in rows] for place in range(3))
    time = (np.array(hours, np.int64) + FIRST_DAY * 24) * 3_600_000
    known = known_of(
        pl.DataFrame(
            {
                "event_time": time,
                "player_id": [f"p{number}" for number in players],
                "fraud": np.array(frauds, np.int64),
                "known_ms": time + 7 * DAY_MS,
            },
            schema_overrides={"player_id": pl.String},
        )
    )
    fold = fold_from(FIRST_DAY + 3)
    train, test = handbook(
        known["day"].to_list(), known["player_id"].to_list(), known["fraud"].to_list(), FIRST_DAY + 3
    )
    assert training_rows(known, fold)["row"].to_list() == train
    assert sorted(week_rows(known, fold).to_list()) == sorted(test)


def test_folds_go_back_week_by_week_and_are_calibrated_on_what_was_known() -> None:
    newest = fold_from(100)
    assert newest == Fold(100, 107, 114, 121)
    assert weekly(newest, 3) == [newest, Fold(93, 100, 107, 114), Fold(86, 93, 100, 107)]
    assert calibrating(newest) == earlier(newest, 14)
    assert calibrating(newest).test_to + newest.delay == newest.test_from


def test_a_label_that_came_too_late_teaches_nothing() -> None:
    fold = fold_from(FIRST_DAY)
    frame = pl.DataFrame(
        {"day": [FIRST_DAY] * 3, "player_id": ["a", "b", "c"], "fraud": [1, 1, 0]}
    ).with_columns(known_day=pl.Series([fold.test_from, fold.test_from + 1, None], dtype=pl.Int64))
    assert training_rows(frame, fold)["fraud"].to_list() == [1, 0, 0]


def test_shuffling_the_future_changes_no_score() -> None:
    past = made_past(45)
    fold = fold_from(FIRST_DAY + 14)
    untouched = Folds(past, 1, lambda: None).scored(fold)
    later = np.flatnonzero(past.known["day"].to_numpy() >= fold.test_to)
    shuffled = np.arange(past.known.height)
    shuffled[later] = np.random.default_rng(3).permutation(later)
    past.rows[:] = past.rows[shuffled]
    past.known.insert_column(2, past.known["fraud"][shuffled].alias("lies")).drop_in_place("fraud")
    past.known.insert_column(2, past.known.drop_in_place("lies").alias("fraud"))
    assert Folds(past, 1, lambda: None).scored(fold).equals(untouched)


def test_truth_of_the_test_week_is_not_learned_from() -> None:
    past = made_past(45)
    fold = fold_from(FIRST_DAY + 14)
    untouched = Folds(past, 1, lambda: None).scored(fold)
    known = past.known.with_columns(
        pl.when(pl.col("day") >= fold.train_to).then(0).otherwise("fraud").cast(pl.Int64).alias("fraud")
    )
    blind = Folds(type(past)(past.rows, known), 1, lambda: None).scored(fold)
    both = untouched.join(blind, on="row", how="inner")
    assert both["share"].equals(both["share_right"].alias("share"))
    assert both["score"].equals(both["score_right"].alias("score"))


def test_features_of_a_purchase_do_not_see_what_comes_after_it() -> None:
    purchases = made_purchases(30)
    cut = purchases.height // 2
    whole, half = Gathering(FIRST_DAY), Gathering(FIRST_DAY)
    whole.learn(purchases)
    half.learn(purchases.filter(pl.col("known_ms") <= purchases["event_time"][cut - 1]))
    for batch in purchases.iter_slices(700):
        whole.add(batch)
    half.add(purchases.head(cut))
    assert whole.past().rows.shape == (purchases.height, len(INPUTS))
    assert np.array_equal(whole.past().rows[:cut], half.past().rows)
