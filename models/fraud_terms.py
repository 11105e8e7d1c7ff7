"""Terms: the numbers and texts in a rule's expression, once read and checked.

Rules:
- A term is worked out in two ways, for one purchase's values (`of`) and for a batch's columns (`over`), which
  give the same. Missing is None in the one and NaN (texts: None) in the other.
- Arithmetic with a missing number is missing, and so is what is not finite (a division by zero, an overflow).
- `over` is called where numpy is told to keep quiet about divisions by zero.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from models.fraud_columns import Columns, Floats, Texts, Values, finite

_Pair: TypeAlias = Callable[[float, float], float]

ARITHMETIC: dict[str, tuple[_Pair, np.ufunc]] = {
    "+": (operator.add, np.add),
    "-": (operator.sub, np.subtract),
    "*": (operator.mul, np.multiply),
    "/": (operator.truediv, np.divide),
    "min": (min, np.minimum),
    "max": (max, np.maximum),
}


class Number(Protocol):
    """A term whose value is a number, or missing."""

    def of(self, values: Values) -> float | None:
        """Give its value for one purchase."""
        ...

    def over(self, columns: Columns) -> Floats:
        """Give its values for a batch (or one for all of it)."""
        ...


class Text(Protocol):
    """A term whose value is a text, or missing."""

    def of(self, values: Values) -> str | None:
        """Give its value for one purchase."""
        ...

    def over(self, columns: Columns) -> Texts:
        """Give its values for a batch (or one for all of it)."""
        ...


@dataclass(frozen=True, slots=True)
class NumberFeature:
    """A feature that is a number."""

    name: str

    def of(self, values: Values) -> float | None:
        """Give the feature's value."""
        return finite(values.get(self.name))

    def over(self, columns: Columns) -> Floats:
        """Give the feature's values."""
        return columns.numbers(self.name)


@dataclass(frozen=True, slots=True)
class TextFeature:
    """A feature that is a text."""

    name: str

    def of(self, values: Values) -> str | None:
        """Give the feature's value."""
        value = values.get(self.name)
        return None if value is None else str(value)

    def over(self, columns: Columns) -> Texts:
        """Give the feature's values."""
        return columns.texts(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class NumberLiteral:
    """A number as it is written."""

    value: float
    _column: Floats

    def of(self, values: Values) -> float | None:
        """Give the number, whatever the purchase."""
        del values
        return self.value

    def over(self, columns: Columns) -> Floats:
        """Give the number, one for all."""
        del columns
        return self._column


def number_literal(value: float) -> NumberLiteral:
    """Give a literal of a finite number."""
    return NumberLiteral(value, np.array(value, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class TextLiteral:
    """A text as it is written."""

    value: str
    _column: Texts

    def of(self, values: Values) -> str | None:
        """Give the text, whatever the purchase."""
        del values
        return self.value

    def over(self, columns: Columns) -> Texts:
        """Give the text, one for all."""
        del columns
        return self._column


def text_literal(value: str) -> TextLiteral:
    """Give a literal of a text."""
    return TextLiteral(value, np.array(value, dtype=np.object_))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers made one: `+`, `-`, `*`, `/`, `min`, `max`."""

    sign: str
    left: Number
    right: Number

    def of(self, values: Values) -> float | None:
        """Give the result for one purchase."""
        left, right = self.left.of(values), self.right.of(values)
        if left is None or right is None:
            return None
        try:
            return finite(ARITHMETIC[self.sign][0](left, right))
        except ZeroDivisionError:
            return None

    def over(self, columns: Columns) -> Floats:
        """Give the results for a batch."""
        made = ARITHMETIC[self.sign][1](self.left.over(columns), self.right.over(columns))
        return np.where(np.isfinite(made), made, np.nan)


@dataclass(frozen=True, slots=True)
class Size:
    """A number without its sign: `abs(x)`."""

    number: Number

    def of(self, values: Values) -> float | None:
        """Give the result for one purchase."""
        number = self.number.of(values)
        return None if number is None else abs(number)

    def over(self, columns: Columns) -> Floats:
        """Give the results for a batch."""
        return np.abs(self.number.over(columns))
