"""From purchases whose truth is known to a model with its card: tested in weekly folds, then fitted.

Rules: the model that goes to work learns from the newest training days; it is calibrated, and its threshold
set, on the folds' test weeks as forests scored them that had not seen them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from models.fraud_card import FOREST, ONNX, Card, Span, Tested, Used, digest
from models.fraud_fit import FOREST as PARAMETERS
from models.fraud_fit import as_onnx, as_skops, libraries
from models.fraud_folds import DAY_MS, Fold, training_rows
from models.fraud_inputs import INPUTS, telling
from models.fraud_matrix import MISSING
from models.fraud_measures import measures, threshold_for
from models.fraud_serving import calibrated
from models.fraud_training import Folds, Past, date, fitted_on, medians
from topics.errors import BadInput


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of model is wanted.

    Args:
        name: whose next version it is.
        budget: players a day that can be reviewed.
        threads: cores to fit on.
        fitted: told after each forest.

    """

    name: str
    budget: int
    threads: int = 1
    fitted: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Learned:
    """A model that is ready to be kept: its card for any version, and its files."""

    card_of: Callable[[int, str], Card]
    files: dict[str, bytes]
    left_out: list[str]


def learn(past: Past, newest: Fold, folds: list[Fold], wish: Wish) -> Learned:
    """Test on `folds`, then fit on the training days of `newest`; `past.rows` has the columns `INPUTS`.

    Raises:
        BadInput: no fold has enough to learn from and to be tested on.

    """
    learned = training_rows(past.known, newest)
    places = telling(past.rows[learned.get_column("row").to_numpy()])
    taken = tuple(INPUTS[place] for place in places)
    past = Past(past.rows[:, places], past.known)
    tested, weeks, left_out = _test(past, folds, wish)
    scored = pl.concat(weeks)
    forest = past.forest(newest, wish.threads)
    wish.fitted()
    calibration = fitted_on(scored)
    score = calibrated(scored.get_column("share").to_numpy(), calibration)
    threshold = threshold_for(scored.with_columns(pl.Series("score", score)), wish.budget)
    files = {FOREST: as_skops(forest), ONNX: as_onnx(forest)}
    rows = past.rows[learned.get_column("row").to_numpy()]
    span = Span(
        newest.train_from * DAY_MS,
        newest.train_to * DAY_MS,
        newest.delay,
        len(rows),
        int(learned.get_column("fraud").sum()),
        sha256(rows.tobytes() + learned.get_column("fraud").to_numpy().tobytes()).hexdigest(),
    )
    used = tuple(Used(name, median) for name, median in medians(rows, taken).items())

    def card_of(version: int, made_at: str) -> Card:
        return Card(
            name=wish.name,
            version=version,
            made_at=made_at,
            trained=span,
            features=used,
            missing=MISSING,
            calibration=calibration,
            threshold=threshold,
            budget=wish.budget,
            folds=tuple(tested),
            forest=PARAMETERS,
            libraries=libraries(),
            files={name: digest(content) for name, content in files.items()},
        )

    return Learned(card_of, files, left_out)


def _test(past: Past, folds: list[Fold], wish: Wish) -> tuple[list[Tested], list[pl.DataFrame], list[str]]:
    """Run the folds; gives their figures, their scored test weeks, and why others were left out."""
    running = Folds(past, wish.threads, wish.fitted)
    tested: list[Tested] = []
    weeks: list[pl.DataFrame] = []
    left_out: list[str] = []
    for fold in folds:
        try:
            week = running.scored(fold)
        except BadInput as error:
            left_out.append(f"week from {date(fold.test_from)}: {error}")
            continue
        if week.get_column("fraud").n_unique() > 1:
            tested.append(Tested(date(fold.test_from), measures(week, wish.budget)))
            weeks.append(week)
        else:
            left_out.append(f"week from {date(fold.test_from)}: no fraud among {week.height} purchases")
    if not weeks:
        raise BadInput(f"no model: it could not be tested in any week ({'; '.join(left_out[:2])})")
    return tested, weeks, left_out
