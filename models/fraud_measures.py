"""How good scores are: average precision, AUC, Brier, and the share of reviewed players who were robbed.

Rules: a budget is players a day. A player's score of a day is that of the highest purchase; one who was found
is not reviewed again on later days. Equal scores share their place (AP, AUC) or go by player (budget).
"""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.fraud_matrix import Floats

BUDGET = 100  # players a day, as the handbook's card precision


class Measures(msgspec.Struct, frozen=True):
    """Figures of scored purchases whose truth is known; `precision` is among the reviewed players."""

    purchases: int
    frauds: int
    average_precision: float
    precision: float
    auc: float
    brier: float


def measures(scored: pl.DataFrame, budget: int = BUDGET) -> Measures:
    """Measure purchases with columns day, player_id, fraud (0 or 1; both occur) and score (0-1)."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415  serving reads cards

    truth = scored.get_column("fraud").to_numpy()
    scores = scored.get_column("score").to_numpy()
    return Measures(
        scored.height,
        int(truth.sum()),
        float(average_precision_score(truth, scores)),
        precision_at(scored, budget),
        float(roc_auc_score(truth, scores)),
        float(np.mean((scores - truth) ** 2)),
    )


def precision_at(scored: pl.DataFrame, budget: int) -> float:
    """Give the mean over days of: players found among the `budget` reviewed, over `budget`."""
    found: set[str] = set()
    shares: list[float] = []
    for day in _by_day(scored):
        open_cases = day.filter(~pl.col("player_id").is_in(list(found)))
        reviewed = open_cases.sort("score", "player_id", descending=[True, False]).head(budget)
        hits = reviewed.filter(pl.col("fraud") > 0).get_column("player_id").to_list()
        found.update(hits)
        shares.append(len(hits) / budget)
    return sum(shares) / len(shares) if shares else 0.0


def threshold_for(scored: pl.DataFrame, budget: int) -> float:
    """Give the lowest score at which at most `budget` players a day, on average, are to be reviewed."""
    days = _by_day(scored)
    best: NDArray[np.float64] = np.sort(np.concatenate([day.get_column("score").to_numpy() for day in days]))
    allowed = budget * len(days)
    if len(best) <= allowed:
        return float(best[0])
    first_left_out = best[-allowed - 1]
    above = best[best > first_left_out]
    return float(above[0]) if len(above) else float(np.nextafter(first_left_out, 2.0))


def _by_day(scored: pl.DataFrame) -> list[pl.DataFrame]:
    """Part into days, each with one row a player."""
    best = scored.group_by("day", "player_id").agg(pl.col("score").max(), pl.col("fraud").max())
    return best.sort("day").partition_by("day", maintain_order=True)


def mean_of(folds: list[Measures]) -> Measures:
    """Give the figures' means over folds, and the sums of the counts."""
    taken: dict[str, Floats] = {
        name: np.array([getattr(fold, name) for fold in folds], np.float64)
        for name in Measures.__struct_fields__
    }
    return Measures(
        int(taken["purchases"].sum()),
        int(taken["frauds"].sum()),
        float(taken["average_precision"].mean()),
        float(taken["precision"].mean()),
        float(taken["auc"].mean()),
        float(taken["brier"].mean()),
    )
