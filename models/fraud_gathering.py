"""Gathers a model's past: purchases in their order become rows of features, computed as the flow does.

Rules: purchases of days before the first wanted one only fill the histories. Labels reach the features
through `Histories.learn`, each from the moment at which it was known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from models.fraud_features import Histories
from models.fraud_folds import DAY_MS, known_of
from models.fraud_inputs import INPUTS
from models.fraud_matrix import Matrix, matrix
from models.fraud_training import Past

WARM_UP = 38  # days before the first wanted one: 30 of history, 7 until labels count, and one
LABEL = ("item_id", "game_id", "currency", "event_time", "fraud", "known_ms")
TRUTH = ("fraud", "known_ms")


@dataclass(slots=True)
class Gathering:
    """The past so far; wanted are purchases from the day `from_day` (since 1970-01-01) on."""

    from_day: int
    _histories: Histories = field(default_factory=Histories)
    _rows: list[Matrix] = field(default_factory=list)
    _known: list[pl.DataFrame] = field(default_factory=list)

    def learn(self, labels: pl.DataFrame) -> None:
        """Take all labels, as purchases with columns `LABEL`; those without a label are left out."""
        said = labels.select(LABEL).drop_nulls(TRUTH).with_columns(pl.col("fraud").cast(pl.Boolean))
        self._histories.learn(said)

    def add(self, purchases: pl.DataFrame) -> None:
        """Take the next purchases in their order, with columns `TRUTH` (null: nobody said)."""
        features = self._histories.fold(purchases.drop(TRUTH))
        wanted = purchases.get_column("event_time") >= self.from_day * DAY_MS
        self._rows.append(matrix(features.filter(wanted), INPUTS))
        self._known.append(known_of(purchases.filter(wanted)))

    def past(self) -> Past:
        """Give what was gathered."""
        if not self._rows:
            return Past(np.empty((0, len(INPUTS)), np.float32), known_of(pl.DataFrame(schema=_NOTHING)))
        rows = np.concatenate(self._rows)
        self._rows = [rows]
        return Past(rows, pl.concat(self._known))


_NOTHING = {"event_time": pl.Int64(), "player_id": pl.String(), "fraud": pl.Int64(), "known_ms": pl.Int64()}
