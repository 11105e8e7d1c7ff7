"""Columns: the features of a batch of purchases, as rules read them.

Rules:
- A number that is not finite is missing, like one that is not there: rules compare it as false, and what is
  stored of it (JSON knows no infinity) says the same.
- Missing is NaN in a column of numbers, None elsewhere and in a single purchase's values.
- A column is made when a rule first asks for it, once a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.fraud_kinds import Kind

Value: TypeAlias = float | str | bool | None
Values: TypeAlias = Mapping[str, Value]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Texts: TypeAlias = NDArray[np.object_]


def finite(value: Value) -> float | None:
    """Give a number as rules compare it; None: missing.

    >>> finite(3), finite(float("inf")), finite(None)
    (3.0, None, None)

    """
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


@dataclass(slots=True, eq=False)
class Columns:
    """The features of a batch, row-aligned with its purchases."""

    frame: pl.DataFrame
    _numbers: dict[str, Floats] = field(default_factory=dict)
    _flags: dict[str, Flags] = field(default_factory=dict)
    _texts: dict[str, Texts] = field(default_factory=dict)

    def numbers(self, name: str) -> Floats:
        """Give a feature as float64, NaN where it is missing."""
        column = self._numbers.get(name)
        if column is None:
            column = np.asarray(self.frame.get_column(name).to_numpy(), dtype=np.float64)
            known = np.isfinite(column)
            if not known.all():
                column = np.where(known, column, np.nan)
            self._numbers[name] = column
        return column

    def flags(self, name: str) -> Flags:
        """Give a feature as booleans, false where it is missing."""
        column = self._flags.get(name)
        if column is None:
            values = self.frame.get_column(name).to_numpy()  # of objects where some are missing: None
            column = np.asarray(values, dtype=np.bool_)
            self._flags[name] = column
        return column

    def texts(self, name: str) -> Texts:
        """Give a feature as Python strings, None where it is missing."""
        column = self._texts.get(name)
        if column is None:
            column = np.array(self.frame.get_column(name).to_list(), dtype=np.object_)
            self._texts[name] = column
        return column

    def missing(self, name: str, kind: Kind) -> Flags:
        """Say where a feature is missing."""
        if kind == "number":
            return np.isnan(self.numbers(name))
        return np.asarray(self.frame.get_column(name).is_null().to_numpy(), dtype=np.bool_)

    def row(self, row: int, kinds: Mapping[str, Kind]) -> dict[str, Value]:
        """Give one purchase's values of some features, as its evidence keeps them."""
        return {
            name: finite(self.numbers(name)[row].item())
            if kind == "number"
            else self.frame.get_column(name)[row]
            for name, kind in kinds.items()
        }
