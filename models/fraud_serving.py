"""A trained model at work: calibrated probabilities of whole batches, and the reasons of a single purchase.

Rules:
- Served by ONNX on one thread; scikit-learn is not needed. A purchase's probability depends on nothing but
  its features, whatever batch it comes in.
- Reasons: each feature in turn is set to its median of training; the three whose change takes most away from
  the probability are named. A feature that takes nothing away is no reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import onnxruntime as ort
import polars as pl

from models.fraud_card import ONNX, Calibration, Card, Refused, check
from models.fraud_columns import Value
from models.fraud_conditions import Reason
from models.fraud_matrix import MISSING, Floats, Matrix, matrix

REASONS = 3
SOFTENED = 1e-3  # added to both sides of a share of trees, so that none and all have a logit
LIBRARIES = {"onnxruntime": ort.__version__}


class Session(Protocol):
    """What runs the trees."""

    def run(self, outputs: list[str], inputs: dict[str, Matrix]) -> list[Matrix]:
        """Give the named outputs."""


class Model:
    """A model that is ready to score; `features` are the columns that it needs."""

    def __init__(self, card: Card, session: Session) -> None:
        self.card = card
        self.name, self.version, self.threshold = card.name, card.version, card.threshold
        self.features = tuple(of.name for of in card.features)
        self._medians = np.array([of.median for of in card.features], np.float32)
        self._session = session

    def score(self, features: pl.DataFrame) -> Floats:
        """Give the probability of fraud of each purchase, row-aligned."""
        return self.score_rows(matrix(features, self.features))

    def reasons(self, values: Mapping[str, Value]) -> list[Reason]:
        """Give what speaks most for fraud in one purchase, with its value and the median."""
        row = np.array([_number(values.get(name)) for name in self.features], np.float32)
        tried = np.tile(row, (len(row) + 1, 1))
        np.fill_diagonal(tried[1:], self._medians)
        scores = self.score_rows(tried)
        gains = scores[0] - scores[1:]
        best = np.argsort(-gains, kind="stable")[:REASONS].tolist()
        return [self._reason(place, values) for place in best if gains[place] > 0]

    def _reason(self, place: int, values: Mapping[str, Value]) -> Reason:
        name, median = self.features[place], float(self._medians[place])
        return Reason(name, values.get(name), None if median == MISSING else round(median, 6))

    def score_rows(self, rows: Matrix) -> Floats:
        """Give the probabilities of rows that `matrix` has made."""
        if not len(rows):
            return np.empty(0, np.float64)
        (shares,) = self._session.run(["probabilities"], {"features": rows})
        return calibrated(shares[:, 1].astype(np.float64), self.card.calibration)


def opened(card: Card, onnx: bytes) -> Model:
    """Open a stored model, once all of its card fits.

    Raises:
        Refused: it does not, or the file is no such model.

    """
    check(card, {ONNX: onnx}, LIBRARIES)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common root
        raise Refused(f"model {card.name} version {card.version}: {ONNX} cannot be run ({error})") from error
    taken = [(of.name, of.type, of.shape[-1]) for of in session.get_inputs()]
    if taken != [("features", "tensor(float)", len(card.features))]:
        raise Refused(f"model {card.name} version {card.version}: {ONNX} does not take the card's features")
    return Model(card, session)


def logit(shares: Floats) -> Floats:
    """Give the softened log-odds of shares of trees."""
    soft = (shares + SOFTENED) / (1 + 2 * SOFTENED)
    odds: Floats = np.log(soft / (1 - soft))
    return odds


def calibrated(shares: Floats, by: Calibration) -> Floats:
    """Turn shares of trees into probabilities, keeping their order."""
    probabilities: Floats = 1 / (1 + np.exp(-(by.slope * logit(shares) + by.intercept)))
    return probabilities


def _number(value: Value) -> float:
    """Give a value as `matrix` does."""
    if value is None or isinstance(value, str):
        return MISSING
    with np.errstate(over="ignore"):
        number = np.float32(value)
    return float(number) if np.isfinite(number) else MISSING
