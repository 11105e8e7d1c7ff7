"""A model that scores each frame of features once, however many judges ask."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from models.fraud_columns import Value
from models.fraud_expression import Reason
from models.fraud_judging import Scores, Scoring


class Scored:
    """Remembers the scores of the last frame.

    Args:
        model: what scores.

    """

    def __init__(self, model: Scoring) -> None:
        self._model = model
        self.name, self.version = model.name, model.version
        self.threshold, self.features = model.threshold, model.features
        self._last: tuple[pl.DataFrame, Scores] | None = None

    def score(self, features: pl.DataFrame) -> Scores:
        """Give the probability of fraud of each purchase."""
        if self._last is None or self._last[0] is not features:
            self._last = features, self._model.score(features)
        return self._last[1]

    def reasons(self, values: Mapping[str, Value]) -> list[Reason]:
        """Give what speaks most for fraud in one purchase."""
        return self._model.reasons(values)
