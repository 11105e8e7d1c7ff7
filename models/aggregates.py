"""What can be counted over a window: the terms of an aggregate, and how each of them merges.

Rules:
- A term is made of *measures* (int64 columns that merge by add, min or max) and *sets* (distinct
  values, as 64-bit hashes cut to the window's hash width). Merging is associative, commutative, and
  exact in integers, so any order of events gives the same row.
- A term is written down as polars expressions over the event columns; nothing here runs an engine.
- Real numbers arrive as integers scaled by a power of ten; the division happens once, in the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Column = npt.NDArray[np.int64] | npt.NDArray[np.uint64] | npt.NDArray[np.float64]

_ONE = pl.repeat(1, pl.len(), dtype=pl.Int64)
FOLDED = "_folded"  # the measure every aggregate has: events folded into the row, its version


class Merge(StrEnum):
    """How two values of one measure become one."""

    ADD = "add"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Measure:
    """One int64 column kept per group: what an event contributes, and how contributions merge."""

    event: pl.Expr
    merge: Merge


@dataclass(frozen=True, slots=True)
class Term:
    """One column of a row: the measures and the sets it is made of, by suffix.

    A term does not know its column's name; state columns are called `name.suffix`.
    """

    measures: Mapping[str, Measure]
    sets: Mapping[str, tuple[str, ...]]
    scale: int = 1

    def row(self, state: Mapping[str, Ints]) -> Column:
        """Give the row's values from the merged measures and set sizes, by suffix."""
        if self.sets:
            return state["set"].astype(np.uint64)
        if "count" in self.measures:
            return state["sum"] / self.scale / np.maximum(state["count"], 1)
        (suffix,) = self.measures
        if suffix == "n":
            return state["n"].astype(np.uint64)
        return state[suffix] if self.scale == 1 else state[suffix] / self.scale


def count(where: pl.Expr | None = None) -> Term:
    """Count events, or those for which `where` is true (null counts as false)."""
    event = _ONE if where is None else where.fill_null(value=False).cast(pl.Int64)
    return Term({"n": Measure(event, Merge.ADD)}, {})


def total(column: str, scale: int = 1) -> Term:
    """Sum an integer column (null adds nothing), divided by `scale` in the row."""
    return Term({"sum": Measure(_int(column).fill_null(0), Merge.ADD)}, {}, scale)


def least(column: str, scale: int = 1) -> Term:
    """Keep the smallest value of an integer column; a group without any value shows int64's largest."""
    return Term({"min": Measure(_int(column).fill_null(2**63 - 1), Merge.MIN)}, {}, scale)


def greatest(column: str, scale: int = 1) -> Term:
    """Keep the largest value of an integer column; a group without any value shows int64's smallest."""
    return Term({"max": Measure(_int(column).fill_null(-(2**63)), Merge.MAX)}, {}, scale)


def mean(column: str, scale: int = 1) -> Term:
    """Average an integer column over the events that have it: one division of two exact integers."""
    present = pl.col(column).is_not_null().cast(pl.Int64)
    measures = {
        "sum": Measure(_int(column).fill_null(0), Merge.ADD),
        "count": Measure(present, Merge.ADD),
    }
    return Term(measures, {}, scale)


def distinct(*columns: str) -> Term:
    """Count different values of one column, or of a tuple of columns, by hash.

    A value counts when none of its columns is null or empty. With b hash bits kept (48, or 40 once a
    window's shard holds more than 65,536 groups) n distinct values are undercounted by
    n^2 / 2^(b+1) in expectation (birthday bound): 0.0018 at a million.
    """
    return Term({}, {"set": columns})


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One table of window rows: the columns that key it, which events it takes, and its terms.

    `where=None` takes every event; such an aggregate is the one that accounting counts.
    """

    table: str
    by: tuple[str, ...]
    terms: Mapping[str, Term]
    where: pl.Expr | None = None

    def measures(self) -> dict[str, Measure]:
        """Give every measure of the row by its state column, `FOLDED` first."""
        named = {
            f"{name}.{suffix}": measure
            for name, term in self.terms.items()
            for suffix, measure in term.measures.items()
        }
        return {FOLDED: Measure(_ONE, Merge.ADD), **named}

    def sets(self) -> dict[str, tuple[str, ...]]:
        """Give the columns of every distinct count by its state column."""
        return {
            f"{name}.{suffix}": columns
            for name, term in self.terms.items()
            for suffix, columns in term.sets.items()
        }


def _int(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int64)
