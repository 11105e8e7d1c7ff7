"""Judging: purchases with their features in, suspicions out; the same for flow, backtest and simulation.

Rules:
- The rules of the book judge, and the model beside them where one is loaded; without it the
  rules judge alone.
- A model on trial (`shadow`) writes what it would have done and touches nothing else.
- What the model finds carries the features that the model saw, and the three that speak most for fraud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_alert import Suspicion
from models.fraud_columns import Value
from models.fraud_expression import Reason
from models.fraud_rule import MODEL, RuleBook
from models.fraud_score import judge
from models.fraud_suspicion import Origin, suspicions
from models.fraud_verdict import MODEL_SUPPRESS_S, Hit, Outcome, Thresholds, Verdict

Scores = npt.NDArray[np.float64]


class Scoring(Protocol):
    """A model that is ready to score."""

    name: str
    version: int
    threshold: float
    features: tuple[str, ...]

    def score(self, features: pl.DataFrame) -> Scores:
        """Give the probability of fraud of each purchase."""
        ...

    def reasons(self, values: Mapping[str, Value]) -> list[Reason]:
        """Give what speaks most for fraud in one purchase."""
        ...


@dataclass(slots=True)
class Judging:
    """What purchases are judged by: `review_at` and `block_at` are scores, 0 to 1."""

    book: RuleBook = field(default_factory=RuleBook)
    model: Scoring | None = None
    shadow: Scoring | None = None
    review_at: float = 0.5
    block_at: float = 0.9

    @property
    def features(self) -> set[str]:
        """Name the features that are looked at."""
        models = [model.features for model in (self.model, self.shadow) if model is not None]
        return self.book.features().union(*models)

    def suspicions(self, features: pl.DataFrame, purchases: pl.DataFrame, origin: Origin) -> list[Suspicion]:
        """Judge purchases of one partition, in offset order; `features` are row-aligned with them."""
        kafka_ms = purchases["kafka_time_ms"].to_numpy()
        model = self.model
        scores = None if model is None else model.score(features)
        verdicts = judge(features, kafka_ms, self.book, scores, self._thresholds)
        named = ""
        if model is not None:
            verdicts = [_explained(verdict, model, features) for verdict in verdicts]
            named = name_of(model)
        found = list(suspicions(verdicts, purchases, origin, named))
        if self.shadow is not None:
            tried = list(_tried(self.shadow, features))
            found += suspicions(tried, purchases, origin, name_of(self.shadow))
        return found

    @property
    def _thresholds(self) -> Thresholds:
        """Give from where on something is done; without a model nothing is its doing."""
        if self.model is None:
            return Thresholds(self.block_at, self.review_at)
        return Thresholds(self.block_at, self.review_at, self.model.threshold, self.model.version)


def name_of(model: Scoring) -> str:
    """Name a model as alerts do."""
    return f"{model.name}:{model.version}"


def _explained(verdict: Verdict, model: Scoring, features: pl.DataFrame) -> Verdict:
    """Put reasons and features beside what the model found."""
    if all(hit.rule_id != MODEL for hit in verdict.hits):
        return verdict
    seen = _seen(features, verdict.row, model)
    because = tuple(model.reasons(seen))
    hits = tuple(replace(hit, reasons=because) if hit.rule_id == MODEL else hit for hit in verdict.hits)
    return replace(verdict, hits=hits, features={**seen, **verdict.features})


def _tried(model: Scoring, features: pl.DataFrame) -> Iterator[Verdict]:
    """Give what a model on trial would have sent to review."""
    scores = model.score(features)
    for row in np.flatnonzero(scores >= model.threshold).tolist():
        seen, score = _seen(features, row, model), round(float(scores[row]), 9)
        because: Sequence[Reason] = model.reasons(seen)
        hit = Hit(MODEL, model.version, MODEL_SUPPRESS_S, True, Outcome(score, "review"), tuple(because))
        yield Verdict(
            row=row,
            score=score,
            decision="review",
            by=hit.name,
            hits=(hit,),
            features=seen,
            model_score=score,
        )


def _seen(features: pl.DataFrame, row: int, model: Scoring) -> dict[str, Value]:
    """Give a purchase's values as the model saw them."""
    return features.select(model.features).row(row, named=True)
