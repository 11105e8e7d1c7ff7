"""What can be counted over a window: the terms of an aggregate, and how each of them merges.

Rules:
- A term is made of *measures* (int64 columns that merge by add, min or max), *sets* (distinct values, as
  64-bit hashes cut to the window's hash width) or a *sketch* (counts in buckets). Merging is
  associative, commutative, and exact in integers, so any order of events gives the same row.
- A term is written down as polars expressions over the event columns; nothing here runs an engine.
- Metrics become integers in millionths, money arrives in 10^-4; the division happens once, in the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from models.sketch import quantile as quantile_of
from models.sums import MICRO, high_half, low_half, micros, money, quotient, whole

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Column = npt.NDArray[np.int64] | npt.NDArray[np.uint64] | npt.NDArray[np.float64] | pl.Series

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
class Sketched:
    """The merged sketches of some groups: sorted `group << BUCKET_BITS | bucket`, and counts."""

    keys: Hashes
    counts: Ints
    groups: int


@dataclass(frozen=True, slots=True)
class Merged:
    """What a term's row is made of, for some groups: events folded, and what the term itself keeps.

    `ints` are its measures and set sizes by suffix, `sketches` all sketches by metric.
    """

    events: Ints
    ints: Mapping[str, Ints]
    sketches: Mapping[str, Sketched]


@dataclass(frozen=True, slots=True)
class Term:
    """One column of a row: what it is made of, by suffix, and how the row's values follow from that.

    A term does not know its column's name; state columns are called `name.suffix`. A sketch is kept once
    for all terms on the same metric.
    """

    row: Callable[[Merged], Column]
    measures: Mapping[str, Measure] = field(default_factory=dict)
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sketch: str = ""


def count(where: pl.Expr | None = None) -> Term:
    """Count events, or those for which `where` is true (null counts as false)."""
    if where is None:
        return Term(lambda of: of.events.astype(np.uint64))
    event = where.fill_null(value=False).cast(pl.Int64)
    return Term(lambda of: of.ints["n"].astype(np.uint64), {"n": Measure(event, Merge.ADD)})


def revenue(column: str) -> Term:
    """Sum money (10^-4 of its currency, null adds nothing) to Decimal(18,4), exact up to 10^14."""
    return Term(lambda of: money(of.ints["high"], of.ints["low"]), _halves(pl.col(column)))


def total(column: str) -> Term:
    """Sum an integer column (null adds nothing); a sum beyond 63 bits shows the largest such integer."""
    return Term(lambda of: whole(of.ints["high"], of.ints["low"]), _halves(_int(column)))


def least(column: str) -> Term:
    """Keep the smallest value of an integer column; null for a group without any."""
    nothing = 2**63 - 1
    smallest = Measure(_int(column).fill_null(nothing), Merge.MIN)
    return Term(lambda of: _unless(nothing, of.ints["min"]), {"min": smallest})


def greatest(column: str) -> Term:
    """Keep the largest value of an integer column; null for a group without any."""
    nothing = -(2**63)
    largest = Measure(_int(column).fill_null(nothing), Merge.MAX)
    return Term(lambda of: _unless(nothing, of.ints["max"]), {"max": largest})


def mean(column: str) -> Term:
    """Average a metric, in millionths, over the events that have it; null for a group without any."""
    present = Measure(pl.col(column).is_not_null().cast(pl.Int64), Merge.ADD)

    def row(of: Merged) -> Column:
        events = of.ints["count"]
        found = quotient(of.ints["high"], of.ints["low"], np.maximum(events, 1) * MICRO)
        return np.where(events > 0, found, np.nan)

    return Term(row, {**_halves(micros(column)), "count": present})


def peak(column: str) -> Term:
    """Keep the largest value of a metric, in millionths; null for a group without any."""
    nothing = -(2**63)
    largest = Measure(micros(column).fill_null(nothing), Merge.MAX)

    def row(of: Merged) -> Column:
        return np.where(of.ints["max"] == nothing, np.nan, of.ints["max"] / MICRO)

    return Term(row, {"max": largest})


def quantile(column: str, q: float) -> Term:
    """Give a metric's quantile `q` (0-1) within 1 % (`models.sketch`); null for a group without any."""

    def row(of: Merged) -> Column:
        seen = of.sketches[column]
        return quantile_of(seen.keys, seen.counts, seen.groups, q)

    return Term(row, sketch=column)


def distinct(*columns: str) -> Term:
    """Count different values of one column, or of a tuple of columns, by hash.

    A value counts when none of its columns is null or empty. With b hash bits kept (48, or 40 once a
    window's shard holds more than 65,536 groups) n distinct values are undercounted by
    n^2 / 2^(b+1) in expectation (birthday bound): 0.0018 at a million.
    """
    return Term(lambda of: of.ints["set"].astype(np.uint64), sets={"set": columns})


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

    def sketches(self) -> dict[str, pl.Expr]:
        """Give every sketched metric, in millionths, by its column."""
        return {term.sketch: micros(term.sketch) for term in self.terms.values() if term.sketch}

    def sets(self) -> dict[str, tuple[str, ...]]:
        """Give the columns of every distinct count by its state column."""
        return {
            f"{name}.{suffix}": columns
            for name, term in self.terms.items()
            for suffix, columns in term.sets.items()
        }


def _int(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int64)


def _unless(nothing: int, found: Ints) -> pl.Series:
    """Give whole numbers, null where nothing was found."""
    return pl.Series(found).set(pl.Series(found == nothing), None)


def _halves(units: pl.Expr) -> dict[str, Measure]:
    return {"high": Measure(high_half(units), Merge.ADD), "low": Measure(low_half(units), Merge.ADD)}
