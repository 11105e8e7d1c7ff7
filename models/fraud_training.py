"""Training: folds in time that say how good a model would have been, then the model that goes to work.

Rules:
- What a fold learns from, its calibration too, was known when its test week began (`models.fraud_folds`). A
  fold is calibrated on the week that it trains on, as scored by the forest of two weeks before.
- The model that goes to work is calibrated on its folds' test weeks, scored by forests that had not seen
  them; its threshold is what the review budget allows in those weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from sklearn.ensemble import RandomForestClassifier

from models.fraud_card import Calibration
from models.fraud_fit import fit_calibration, fit_forest, shares_of
from models.fraud_folds import Fold, calibrating, test_rows, training_rows
from models.fraud_matrix import Floats, Matrix
from models.fraud_serving import calibrated
from topics.errors import BadInput

AS_IT_IS = Calibration(1.0, 0.0)
LEAST_FRAUDS = 10  # of a training week: from fewer nothing is learned


@dataclass(frozen=True, slots=True)
class Past:
    """Purchases to learn from: their matrix and, row-aligned, what is known (`models.fraud_folds`)."""

    rows: Matrix
    known: pl.DataFrame

    def forest(self, fold: Fold, threads: int) -> RandomForestClassifier:
        """Fit a forest on a fold's training days.

        Raises:
            BadInput: they hold too few frauds.

        """
        learned = training_rows(self.known, fold)
        fraud = learned.get_column("fraud").to_numpy()
        if not LEAST_FRAUDS <= fraud.sum() <= len(fraud) - LEAST_FRAUDS:
            raise BadInput(too_few(fold, int(fraud.sum())))
        return fit_forest(self.rows[learned.get_column("row").to_numpy()], fraud, threads)


@dataclass(slots=True)
class Folds:
    """Runs folds over the past; a forest that two folds need is fitted once.

    Args:
        past: what is known.
        threads: cores to fit on.
        fitted: told after each forest.

    """

    past: Past
    threads: int
    fitted: Callable[[], None]
    _shares: dict[Fold, pl.DataFrame] = field(default_factory=dict)

    def scored(self, fold: Fold) -> pl.DataFrame:
        """Score a fold's test week: columns row, day, player_id, fraud, share, score.

        Raises:
            BadInput: the training days hold too few frauds.

        """
        tested = self._test_week(fold)
        by = self._calibration(fold)
        score = pl.Series("score", calibrated(tested.get_column("share").to_numpy(), by))
        return tested.with_columns(score)

    def _calibration(self, fold: Fold) -> Calibration:
        before = calibrating(fold)
        if self.past.known.get_column("day").min() > before.train_from:  # type: ignore[operator]
            return AS_IT_IS
        try:
            week = self._test_week(before)
        except BadInput:
            return AS_IT_IS
        in_time = pl.col("known_day").fill_null(fold.test_from + 1) <= fold.test_from
        return fitted_on(week.with_columns(((pl.col("fraud") > 0) & in_time).alias("fraud")))

    def _test_week(self, fold: Fold) -> pl.DataFrame:
        if fold not in self._shares:
            forest = self.past.forest(fold, self.threads)
            rows = test_rows(self.past.known, fold)
            if not len(rows):
                raise BadInput(f"there are no purchases from {date(fold.test_from)} on to test with")
            share = pl.Series("share", shares_of(forest, self.past.rows[rows.to_numpy()]))
            self._shares[fold] = self.past.known[rows.to_numpy()].with_columns(rows.alias("row"), share)
            self.fitted()
        return self._shares[fold]


def forests_for(folds: list[Fold]) -> int:
    """Count the forests that folds need."""
    return len({*folds, *map(calibrating, folds)})


def fitted_on(week: pl.DataFrame) -> Calibration:
    """Calibrate on purchases with columns share and fraud."""
    fraud = week.get_column("fraud").cast(pl.Int64).to_numpy()
    return fit_calibration(week.get_column("share").to_numpy(), fraud)


def too_few(fold: Fold, frauds: int) -> str:
    """Say that a fold has too little to learn from."""
    days = f"the {fold.train_to - fold.train_from} days from {date(fold.train_from)} on"
    return (
        f"only {frauds} frauds are known in {days}; a model needs {LEAST_FRAUDS}, and as many honest "
        "purchases: label more, or train on more days"
    )


def date(day: int) -> str:
    """Write a day (counted from 1970-01-01).

    >>> date(17_784)
    '2018-09-10'

    """
    return str(np.datetime64(day, "D"))


def medians(rows: Matrix, names: tuple[str, ...]) -> Mapping[str, float]:
    """Give each feature's median."""
    found: Floats = np.median(rows, axis=0).astype(np.float64)
    return dict(zip(names, found.tolist(), strict=True))
