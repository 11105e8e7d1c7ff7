"""The handbook's transactions, scored fold by fold as a model of that time would have scored them."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.fraud_figures import figures
from models.fraud_folds import DAY_MS, DELAY, Fold, calibrating, fold_from, weekly
from models.fraud_gathering import WARM_UP, Gathering
from models.fraud_measures import BUDGET, Measures, mean_of, measures
from models.fraud_training import Folds, Past, date, forests_for
from sources.handbook import read_handbook
from topics.errors import BadInput

BATCH = 50_000
BACK = 20  # days before the file's last day on which fold 0 begins
LEAST_AP, LEAST_PRECISION, LEAST_AUC, MOST_BRIER = 0.70, 0.300, 0.870, 0.0031


def scored_folds(file: Path, fold0: int | None) -> tuple[pl.DataFrame, list[tuple[str, Measures]]]:
    """Score the test weeks of four folds: columns TRANSACTION_ID, fold, score; and each week's figures.

    Raises:
        BadInput: the file does not hold what is needed, or too few frauds.

    """
    purchases = read_handbook(file)
    first, last = (int(purchases["event_time"][place]) // DAY_MS for place in (0, -1))
    folds = weekly(fold_from(last - BACK if fold0 is None else fold0))
    if folds[-1].train_from < first or folds[0].test_from > last:
        raise BadInput(
            f"{file} holds {date(first)} to {date(last)}, the folds need {date(folds[-1].train_from)} to "
            f"{date(folds[0].test_to - 1)}: give another --fold0"
        )
    begin = max(first, calibrating(folds[-1]).train_from)
    purchases = _within(purchases, begin - WARM_UP, folds[0].test_to)
    columns = TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        past = gathered(purchases, begin, bar)
        return _scored(past, purchases.filter(pl.col("event_time") >= begin * DAY_MS), folds, bar)


def gathered(purchases: pl.DataFrame, begin: int, bar: Progress) -> Past:
    """Compute the features of purchases, each of whose labels is known after the delay."""
    gathering = Gathering(begin)
    gathering.learn(purchases)
    task = bar.add_task("features", total=purchases.height)
    for batch in purchases.drop("TRANSACTION_ID").iter_slices(BATCH):
        gathering.add(batch)
        bar.advance(task, batch.height)
    return gathering.past()


def _scored(
    past: Past, purchases: pl.DataFrame, folds: list[Fold], bar: Progress
) -> tuple[pl.DataFrame, list[tuple[str, Measures]]]:
    task = bar.add_task("forests", total=forests_for(folds))
    running = Folds(past, os.cpu_count() or 1, lambda: bar.advance(task))
    parts: list[pl.DataFrame] = []
    weeks: list[tuple[str, Measures]] = []
    for number, fold in enumerate(folds):
        week = running.scored(fold)
        named = purchases.get_column("TRANSACTION_ID")[week.get_column("row").to_numpy()]
        parts.append(pl.DataFrame([named]).with_columns(pl.lit(number).alias("fold"), week["score"]))
        weeks.append((date(fold.test_from), measures(week)))
    return pl.concat(parts), weeks


def _within(purchases: pl.DataFrame, first: int, end: int) -> pl.DataFrame:
    time = pl.col("event_time")
    known = (time + DELAY * DAY_MS).alias("known_ms")
    return purchases.filter(time >= first * DAY_MS, time < end * DAY_MS).with_columns(known)


def judged(weeks: list[tuple[str, Measures]]) -> str:
    """Print the figures; gives the last line."""
    mean = mean_of([of for _, of in weeks])
    figures([*weeks, ("mean", mean)], BUDGET)
    right = (
        mean.average_precision >= LEAST_AP
        and mean.precision >= LEAST_PRECISION
        and mean.auc >= LEAST_AUC
        and mean.brier <= MOST_BRIER
    )
    return (
        f"{'OK' if right else 'FALLS SHORT'} AP {mean.average_precision:.4f} (>= {LEAST_AP:.2f}), "
        f"CP@{BUDGET} {mean.precision:.4f} (>= {LEAST_PRECISION:.3f}), "
        f"AUC {mean.auc:.4f} (>= {LEAST_AUC:.3f}), Brier {mean.brier:.5f} (<= {MOST_BRIER})"
    )
