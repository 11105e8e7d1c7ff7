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
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from models.lists import Numbers, lists
from models.sketch import BUCKET_BITS, bounds_of, quantile_within
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


NOTHING = {Merge.ADD: 0, Merge.MIN: 2**63 - 1, Merge.MAX: -(2**63)}  # what changes no measure


@dataclass(frozen=True, slots=True)
class Measure:
    """One int64 column kept per group: what an event contributes, and how contributions merge.

    An event without a value in `column` adds nothing; `''`: every event may add something.
    """

    event: pl.Expr
    merge: Merge
    column: str = ""


@dataclass(frozen=True)
class Sketched:
    """The merged sketches of some groups: sorted `group << BUCKET_BITS | bucket`, and counts."""

    keys: Hashes
    counts: Ints
    groups: int

    @cached_property
    def bounds(self) -> Ints:
        """Give where each group's keys begin, and where the last one's end; found once for all terms."""
        return bounds_of(self.keys, self.groups)


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
    return Term(lambda of: money(of.ints["high"], of.ints["low"]), _halves(pl.col(column), column))


def total(column: str) -> Term:
    """Sum an integer column (null adds nothing); a sum beyond 63 bits shows the largest such integer."""
    return Term(lambda of: whole(of.ints["high"], of.ints["low"]), _halves(_int(column), column))


def least(column: str) -> Term:
    """Keep the smallest value of an integer column; null for a group without any."""
    nothing = NOTHING[Merge.MIN]
    smallest = Measure(_int(column).fill_null(nothing), Merge.MIN, column)
    return Term(lambda of: _unless(nothing, of.ints["min"]), {"min": smallest})


def greatest(column: str) -> Term:
    """Keep the largest value of an integer column; null for a group without any."""
    nothing = NOTHING[Merge.MAX]
    largest = Measure(_int(column).fill_null(nothing), Merge.MAX, column)
    return Term(lambda of: _unless(nothing, of.ints["max"]), {"max": largest})


def mean(column: str) -> Term:
    """Average a metric, in millionths, over the events that have it; null for a group without any."""
    present = Measure(pl.col(column).is_not_null().cast(pl.Int64), Merge.ADD, column)

    def row(of: Merged) -> Column:
        events = of.ints["count"]
        found = quotient(of.ints["high"], of.ints["low"], np.maximum(events, 1) * MICRO)
        return np.where(events > 0, found, np.nan)

    return Term(row, {**_halves(micros(column), column), "count": present})


def average(column: str) -> Term:
    """Average an integer column over the events that have it; null for a group without any."""
    present = Measure(pl.col(column).is_not_null().cast(pl.Int64), Merge.ADD, column)

    def row(of: Merged) -> Column:
        events = of.ints["count"]
        found = quotient(of.ints["high"], of.ints["low"], np.maximum(events, 1))
        return np.where(events > 0, found, np.nan)

    return Term(row, {**_halves(_int(column), column), "count": present})


def peak(column: str) -> Term:
    """Keep the largest value of a metric, in millionths; null for a group without any."""
    nothing = NOTHING[Merge.MAX]
    largest = Measure(micros(column).fill_null(nothing), Merge.MAX, column)

    def row(of: Merged) -> Column:
        return np.where(of.ints["max"] == nothing, np.nan, of.ints["max"] / MICRO)

    return Term(row, {"max": largest})


def quantile(column: str, q: float) -> Term:
    """Give a metric's quantile `q` (0-1) within 1 % (`models.sketch`); null for a group without any."""

    def row(of: Merged) -> Column:
        seen = of.sketches[column]
        return quantile_within(seen.keys, seen.counts, seen.bounds, q)

    return Term(row, sketch=column)


def bucket_numbers(column: str) -> Term:
    """Give the buckets of a metric's sketch that hold values, ascending; empty for a group without any.

    With `bucket_counts` beside them, the sketches of any rows can be merged after the fact.
    """

    def row(of: Merged) -> Column:
        seen = of.sketches[column]
        return _listed(seen, (seen.keys & np.uint64(2**BUCKET_BITS - 1)).astype(np.uint16))

    return Term(row, sketch=column)


def bucket_counts(column: str) -> Term:
    """Count the values in each of the `bucket_numbers`."""

    def row(of: Merged) -> Column:
        seen = of.sketches[column]
        return _listed(seen, seen.counts.astype(np.uint64))

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
    `attributes` are text columns that the row shows beside its key: the greatest of a group's texts, `''`
    without any. `first_by` are columns by which a batch is cut once for all aggregates that name the same
    ones; keys, attributes, sets and `where` must then ask for nothing else. Attributes need it.
    """

    table: str
    by: tuple[str, ...]
    terms: Mapping[str, Term]
    where: pl.Expr | None = None
    attributes: tuple[str, ...] = ()
    first_by: tuple[str, ...] = ()
    _measures: dict[str, Measure] = field(init=False, repr=False, compare=False)
    _sketches: dict[str, pl.Expr] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """See to it that what is cut first is enough.

        Raises:
            ValueError: a column is asked for that is not in `first_by`, or that needs one.

        """
        asked = {*self.names, *(name for columns in self.sets().values() for name in columns)}
        if self.where is not None:
            asked |= {*self.where.meta.root_names()}
        if (self.first_by or self.attributes) and not asked <= {*self.first_by}:
            raise ValueError(f"{self.table} is not first cut by {sorted(asked - {*self.first_by})}")
        named = {
            f"{name}.{suffix}": measure
            for name, term in self.terms.items()
            for suffix, measure in term.measures.items()
        }
        sketched = dict.fromkeys(term.sketch for term in self.terms.values() if term.sketch)
        object.__setattr__(self, "_measures", {FOLDED: Measure(_ONE, Merge.ADD), **named})
        object.__setattr__(self, "_sketches", {name: micros(name) for name in sketched})

    @property
    def names(self) -> tuple[str, ...]:
        """Name the text columns of a row: its key, then its attributes."""
        return (*self.by, *self.attributes)

    def measures(self) -> dict[str, Measure]:
        """Give every measure of the row by its state column, `FOLDED` first."""
        return self._measures

    def sketches(self) -> dict[str, pl.Expr]:
        """Give every sketched metric, in millionths, by its column."""
        return self._sketches

    def sets(self) -> dict[str, tuple[str, ...]]:
        """Give the columns of every distinct count by its state column."""
        return {
            f"{name}.{suffix}": columns
            for name, term in self.terms.items()
            for suffix, columns in term.sets.items()
        }


def _int(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int64)


def _unless(nothing: int, found: Ints) -> Column:
    """Give whole numbers, null where nothing was found."""
    missing = found == nothing
    if not missing.any():
        return found
    if missing.all():
        return _nothing(len(found))
    return pl.Series(found).set(pl.Series(missing), None)


@lru_cache(maxsize=1_000)
def _nothing(groups: int) -> pl.Series:
    """Give a column of nulls, made once: most shards of a window have as many groups as before."""
    return pl.Series([None] * groups, dtype=pl.Int64)


def _listed(of: Sketched, values: Numbers) -> pl.Series:
    """Give each group's part of what stands beside the keys of its sketch, as a list."""
    return lists(of.bounds, values)


def _halves(units: pl.Expr, column: str) -> dict[str, Measure]:
    halves = {"high": high_half(units), "low": low_half(units)}
    return {name: Measure(half, Merge.ADD, column) for name, half in halves.items()}
