"""Expressions: what must be true of a purchase for a rule to fire, over its features.

Rules:
- A small, safe language (`models.fraud_grammar`), parsed and never run; checked against the features' types
  when it is compiled, so that nothing is found out while purchases wait.
- Division by zero is missing; a comparison with something missing is false. `column`, `over` and `holds`
  agree.
- An expression uses a feature at least: what is true of every purchase is no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from models.fraud_columns import Columns, Flags, Values
from models.fraud_conditions import Condition, Reason
from models.fraud_grammar import Reader
from models.fraud_kinds import Kind
from models.fraud_syntax import BadExpression, parse

__all__ = ["BadExpression", "Expression", "Kind", "Reason", "compile_expression"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; `kinds` are the features that it uses, in the order written."""

    text: str
    kinds: Mapping[str, Kind] = field(hash=False)
    condition: Condition = field(compare=False, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it uses, in the order written."""
        return tuple(self.kinds)

    @property
    def column(self) -> pl.Expr:
        """It as a boolean column of a frame that has its features; missing is false."""
        return pl.map_batches([pl.col(name) for name in self.names], self._over, return_dtype=pl.Boolean)

    def over(self, columns: Columns) -> Flags:
        """Say of which purchases of a batch it is true."""
        with np.errstate(all="ignore"):
            found = self.condition.over(columns)
        return found if found.ndim else np.full(columns.frame.height, found)

    def holds(self, values: Values) -> bool:
        """Say whether it is true of one purchase; a feature without a value is missing."""
        return self.condition.of(values)

    def reasons(self, values: Values) -> list[Reason]:
        """Give the comparisons that made it true of one purchase, in the order written, each once."""
        return list(dict.fromkeys(self.condition.why(values)))

    def _over(self, series: Sequence[pl.Series]) -> pl.Series:
        """Work it out for columns that polars hands over."""
        named = {name: column.alias(name) for name, column in zip(self.names, series, strict=True)}
        return pl.Series(self.over(Columns(pl.DataFrame(named))))


def compile_expression(text: str, types: Mapping[str, Kind]) -> Expression:
    """Read and check an expression over features of these types.

    Raises:
        BadExpression: it is not in the language, or does not fit the types; says where.

    >>> odd = compile_expression("price > 3 * item_mean_30d", {"price": "number", "item_mean_30d": "number"})
    >>> odd.holds({"price": 90.0, "item_mean_30d": 10.0}), odd.holds({"price": 90.0})
    (True, False)
    >>> odd.reasons({"price": 90.0, "item_mean_30d": 10.0})
    [Reason(name='price', value=90.0, threshold=30.0)]

    """
    reader = Reader(text, types)
    condition = reader.condition(parse(text))
    if not reader.used:
        raise BadExpression(1, 1, "this uses no feature, so it is the same for every purchase")
    return Expression(text, reader.used, condition)
