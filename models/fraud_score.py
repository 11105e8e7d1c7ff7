"""Scores: which purchases of a batch the rules and the model hit, and what becomes of them.

Rules:
- Columnar: a rule is worked out for a whole batch at once; only purchases with a hit become a `Verdict`.
- Each purchase is judged by the rules that are live at its own Kafka time, also where a batch straddles the
  moment at which they change.
- A verdict depends on nothing but the purchase's features, Kafka time and probability, and the book.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.fraud_columns import Columns, Flags, Value
from models.fraud_kinds import Kind
from models.fraud_rule import Rule, RuleBook
from models.fraud_verdict import Hit, Outcome, Thresholds, Verdict, decide, find, re_evaluate

__all__ = ["Hit", "Outcome", "Thresholds", "Verdict", "decide", "judge", "re_evaluate"]


def judge(
    features: pl.DataFrame,
    kafka_ms: NDArray[np.int64],
    book: RuleBook,
    model: NDArray[np.floating] | None,
    thresholds: Thresholds,
) -> list[Verdict]:
    """Give the verdicts of purchases with a hit, in the order of their rows.

    `kafka_ms` (epoch ms) and `model` (probabilities; not finite: none) are row-aligned with `features`.
    """
    if not len(kafka_ms):
        return []
    columns = Columns(features)
    matched: dict[int, list[Rule]] = {}
    for rule, rows in _matches(columns, kafka_ms, book):
        for row in rows.tolist():
            matched.setdefault(row, []).append(rule)
    probabilities: dict[int, float] = {}
    if model is not None:
        probabilities = {row: value for row, value in enumerate(model.tolist()) if isfinite(value)}
        for row, value in probabilities.items():
            if value >= thresholds.model_hits_at:
                matched.setdefault(row, [])
    return [
        find(row, rules, (_used(columns, row, rules), probabilities.get(row)), thresholds)
        for row, rules in sorted(matched.items())
    ]


def _matches(
    columns: Columns, kafka_ms: NDArray[np.int64], book: RuleBook
) -> Iterator[tuple[Rule, NDArray[np.intp]]]:
    """Give each live rule with the rows that it matches, by id within a span of time."""
    first, last = int(kafka_ms.min()), int(kafka_ms.max())
    edges = book.edges(first, last)
    if not edges:
        for rule in book.live_at(first):
            yield rule, np.flatnonzero(rule.when.over(columns))
        return
    starts = (first, *edges)
    for start, end in zip(starts, (*edges, last + 1), strict=True):
        within: Flags = (kafka_ms >= start) & (kafka_ms < end)
        for rule in book.live_at(start):
            yield rule, np.flatnonzero(rule.when.over(columns) & within)


def _used(columns: Columns, row: int, rules: list[Rule]) -> dict[str, Value]:
    """Give a purchase's values of what the rules that matched it look at."""
    kinds: dict[str, Kind] = {}
    for rule in rules:
        kinds.update(rule.when.kinds)
    return columns.row(row, kinds)
