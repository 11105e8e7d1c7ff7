"""What the model sees of features: one row of float32 numbers a purchase, the same in training and serving.

Rules:
- A flag is 1 or 0. What is missing (null, NaN, not finite as float32) is `MISSING`: no feature is below 0, so
  the trees can part it from every value.
- Trees compare float32 numbers only, in scikit-learn and in ONNX alike; so rounding happens once, here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.fraud_features import FEATURES

MISSING = -1.0
NUMERIC = frozenset({"number", "flag"})
USABLE: tuple[str, ...] = tuple(name for name, of in FEATURES.items() if of.kind in NUMERIC)

Matrix: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]


def matrix(features: pl.DataFrame, names: Sequence[str]) -> Matrix:
    """Give the named features of each purchase as rows of numbers.

    >>> matrix(pl.DataFrame({"price": [2.5, None], "weekend": [True, False]}), ("price", "weekend")).tolist()
    [[2.5, 1.0], [-1.0, 0.0]]

    """
    numbers = np.empty((len(names), features.height), np.float32)
    with np.errstate(over="ignore"):  # beyond float32 is not finite, so missing
        for place, name in enumerate(names):
            column = features.get_column(name)
            if column.null_count() or column.dtype != pl.Float64:
                column = column.cast(pl.Float64).fill_null(MISSING)
            numbers[place] = column.to_numpy()
    np.nan_to_num(numbers, copy=False, nan=MISSING, posinf=MISSING, neginf=MISSING)
    return np.ascontiguousarray(numbers.T)
