"""Proof that the model which serves is the model that was trained: ONNX and scikit-learn at their edges.

Rules: rows lie exactly on split points and one float32 above them, where rounding would show first.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from models.fraud_card import Card, Refused
from models.fraud_fit import from_skops, shares_of
from models.fraud_matrix import Floats, Matrix
from models.fraud_serving import Model, calibrated, opened

EDGES = 2_000  # split points tried
CLOSE = 1e-5  # ONNX adds float32 numbers, scikit-learn float64


def prove(card: Card, skops: bytes, onnx: bytes) -> Model:
    """Open a stored model, once both its files score alike.

    Raises:
        Refused: they do not, or one of them cannot be used.

    """
    model = opened(card, onnx)
    forest = from_skops(skops)
    if forest.n_features_in_ != len(card.features):
        raise Refused(
            f"model {card.name} version {card.version}: its forest takes other features than its card"
        )
    rows = edges(forest, np.array([of.median for of in card.features], np.float32))
    off = float(np.abs(expected(card, forest, rows) - model.score_rows(rows)).max())
    if off > CLOSE:
        raise Refused(
            f"model {card.name} version {card.version}: what serves differs by {off:.2g} from what was "
            "trained: train it anew (./gamewax fraud train)"
        )
    return model


def expected(card: Card, forest: RandomForestClassifier, rows: Matrix) -> Floats:
    """Score rows with scikit-learn."""
    return calibrated(shares_of(forest, rows), card.calibration)


def edges(forest: RandomForestClassifier, medians: Matrix) -> Matrix:
    """Give rows of medians with one feature on a split point of the forest, or one float32 above it."""
    splits = [
        (feature, split)
        for tree in forest.estimators_
        for feature, split in zip(tree.tree_.feature.tolist(), tree.tree_.threshold.tolist(), strict=True)
        if feature >= 0
    ]
    taken = splits[:: max(1, len(splits) // EDGES)]
    rows = np.tile(medians, (2 * len(taken) + 1, 1))
    for place, (feature, split) in enumerate(taken):
        rows[2 * place, feature] = split
        rows[2 * place + 1, feature] = np.nextafter(np.float32(split), np.float32(np.inf))
    return rows
