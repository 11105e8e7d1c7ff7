"""Conditions: what in a rule's expression is true or false, and why it is.

Rules:
- Two-valued: a comparison with something missing is false, whichever way it asks (`x > 3`, `x != 3`,
  `x not in [3]`), and a flag that is missing is false; so `not (x > 3)` is true when x is missing.
- A condition is worked out for one purchase's values (`of`) and for a batch's columns (`over`): the same.
- Its reasons are the comparisons that made it what it is: all parts of a true `and`, the true parts of a true
  `or`; below a `not` those that made the part false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from models.fraud_columns import Columns, Flags, Value, Values, finite
from models.fraud_kinds import Kind
from models.fraud_terms import Number, NumberLiteral, Text, TextLiteral

COMPARISONS: dict[str, tuple[Callable[[float | str, float | str], bool], np.ufunc]] = {
    "==": (operator.eq, np.equal),
    "!=": (operator.ne, np.not_equal),
    "<": (operator.lt, np.less),
    "<=": (operator.le, np.less_equal),
    ">": (operator.gt, np.greater),
    ">=": (operator.ge, np.greater_equal),
}

_NOTHING = np.array(None, dtype=np.object_)


class Reason(NamedTuple):
    """A comparison that made a rule fire: what was compared as it is written, its value, and with what."""

    name: str
    value: Value
    threshold: Value


class Condition(Protocol):
    """A part of an expression that is true or false."""

    def of(self, values: Values) -> bool:
        """Say whether it is true of one purchase."""
        ...

    def over(self, columns: Columns) -> Flags:
        """Say of which purchases of a batch it is true (or one for all of it)."""
        ...

    def why(self, values: Values) -> Iterator[Reason]:
        """Give the comparisons that made it what it is for one purchase, as they are written."""
        ...


@dataclass(frozen=True, slots=True)
class Compare:
    """Two numbers or two texts compared."""

    sign: str
    left: Number | Text
    right: Number | Text
    names: tuple[str, str]  # as written

    def of(self, values: Values) -> bool:
        """Say whether it is true of one purchase."""
        left, right = self.left.of(values), self.right.of(values)
        if left is None or right is None:
            return False
        return bool(COMPARISONS[self.sign][0](left, right))

    def over(self, columns: Columns) -> Flags:
        """Say of which purchases it is true."""
        left, right = self.left.over(columns), self.right.over(columns)
        found: Flags = COMPARISONS[self.sign][1](left, right)
        if left.dtype == np.object_:
            known = np.not_equal(left, _NOTHING) & np.not_equal(right, _NOTHING)
            return np.asarray(found & known, dtype=np.bool_)
        if self.sign == "!=":
            return np.less(left, right) | np.greater(left, right)
        return found

    def why(self, values: Values) -> Iterator[Reason]:
        """Give itself, the side that is not a literal first."""
        if isinstance(self.left, NumberLiteral | TextLiteral):
            yield Reason(self.names[1], self.right.of(values), self.left.value)
        else:
            yield Reason(self.names[0], self.left.of(values), self.right.of(values))


@dataclass(frozen=True, slots=True)
class Among:
    """A number or text that is in a literal list, or (turned) is there but not in the list."""

    term: Number | Text
    entries: frozenset[float | str]
    turned: bool
    names: tuple[str, str]  # the term and the list as written

    def of(self, values: Values) -> bool:
        """Say whether it is true of one purchase."""
        value = self.term.of(values)
        return value is not None and (value in self.entries) != self.turned

    def over(self, columns: Columns) -> Flags:
        """Say of which purchases it is true."""
        column = self.term.over(columns)
        entries, turned = self.entries, self.turned
        if column.ndim == 0:
            value = column.item()
            return np.array(value == value and (value in entries) != turned)  # noqa: PLR0124 - NaN
        found = [value in entries for value in column.tolist()]
        if not turned:
            return np.array(found)
        known = np.isfinite(column) if column.dtype != np.object_ else np.not_equal(column, _NOTHING)
        return np.logical_not(found) & np.asarray(known, dtype=np.bool_)

    def why(self, values: Values) -> Iterator[Reason]:
        """Give itself."""
        yield Reason(self.names[0], self.term.of(values), self.names[1])


@dataclass(frozen=True, slots=True)
class FlagFeature:
    """A feature that is a flag."""

    name: str

    def of(self, values: Values) -> bool:
        """Say whether the flag is set."""
        return bool(values.get(self.name))

    def over(self, columns: Columns) -> Flags:
        """Say where the flag is set."""
        return columns.flags(self.name)

    def why(self, values: Values) -> Iterator[Reason]:
        """Give the flag."""
        is_set = self.of(values)
        yield Reason(self.name, is_set, is_set)


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a feature is missing: `missing(x)`."""

    name: str
    kind: Kind

    def of(self, values: Values) -> bool:
        """Say whether it is missing."""
        value = values.get(self.name)
        return (finite(value) if self.kind == "number" else value) is None

    def over(self, columns: Columns) -> Flags:
        """Say where it is missing."""
        return columns.missing(self.name, self.kind)

    def why(self, values: Values) -> Iterator[Reason]:
        """Give itself."""
        is_missing = self.of(values)
        yield Reason(f"missing({self.name})", is_missing, is_missing)


@dataclass(frozen=True, slots=True)
class Always:
    """`True` or `False` as written."""

    truth: bool

    def of(self, values: Values) -> bool:
        """Say what is written."""
        del values
        return self.truth

    def over(self, columns: Columns) -> Flags:
        """Say what is written, one for all."""
        del columns
        return np.array(self.truth)

    def why(self, values: Values) -> Iterator[Reason]:
        """Give nothing: it compares nothing."""
        del values
        yield from ()


@dataclass(frozen=True, slots=True)
class Not:
    """A condition turned."""

    part: Condition

    def of(self, values: Values) -> bool:
        """Say whether the part is false."""
        return not self.part.of(values)

    def over(self, columns: Columns) -> Flags:
        """Say where the part is false."""
        return np.logical_not(self.part.over(columns))

    def why(self, values: Values) -> Iterator[Reason]:
        """Give what made the part what it is."""
        return self.part.why(values)


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by `and` (decided by a false part) or `or` (decided by a true part)."""

    parts: tuple[Condition, ...]
    decided_by: bool

    def of(self, values: Values) -> bool:
        """Say whether all of them, or any, are true."""
        return any(self._decides(part, values) for part in self.parts) == self.decided_by

    def over(self, columns: Columns) -> Flags:
        """Say where all of them, or any, are true.

        What comes after an `and` that no purchase passes is left out: most rules match none.
        """
        found = self.parts[0].over(columns)
        for part in self.parts[1:]:
            if self.decided_by:
                found = found | part.over(columns)
            elif found.any():
                found = found & part.over(columns)
        return found

    def why(self, values: Values) -> Iterator[Reason]:
        """Give the parts that decided it, or all when none did."""
        deciding = [part for part in self.parts if self._decides(part, values)]
        for part in deciding or self.parts:
            yield from part.why(values)

    def _decides(self, part: Condition, values: Values) -> bool:
        return part.of(values) == self.decided_by
