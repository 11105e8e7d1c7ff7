"""What aggregates need of a batch of events: who counts, their groups by hash, and what is folded.

Rules:
- Pure and columnar: one pass of expressions for all aggregates; no Python per event.
- A group is known by two 64-bit hashes of its key columns (null is `''`): it is found by the first, and
  the second shows when two groups share it.
- What no event of a batch has is not computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from models.aggregates import Aggregate, Merge
from models.sketch import buckets_of
from windows.arrays import HASH_BITS, Counted, Flags, Hashes, Ints, local_sketch

_GROUP_SEED, _CHECK_SEED, _VALUE_SEED = 11, 17, 23
_ODD = np.uint64(0x9FB21C651E98DF25)  # spreads a mixed hash's bits upwards (a random odd number)


class Sketching(Protocol):
    """One metric's values of a batch."""

    def of_groups(self, kept: Ints, local: Ints) -> Counted:
        """Sketch those at some positions, by the number of the group that each position belongs to."""
        ...


@dataclass(frozen=True, slots=True)
class Values:
    """The bucket of each event's value, and whether there is one."""

    buckets: Hashes
    present: Flags

    def of_groups(self, kept: Ints, local: Ints) -> Counted:
        """Sketch the values of the kept events."""
        return local_sketch(self.buckets[kept], self.present[kept], local)


class NoValues:
    """A metric that no event of the batch has."""

    def of_groups(self, kept: Ints, local: Ints) -> Counted:  # noqa: ARG002 — as `Sketching` has it
        """Sketch nothing."""
        return Counted(np.empty(0, np.uint64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Columns:
    """What one aggregate needs of a batch, evaluated once for all window sizes, one value per event.

    `names` are the `keys` key columns, then the attributes; `measures` None where no event adds anything;
    `sets` the hash of each distinct value and whether it counts at all.
    """

    taken: Flags | None  # None: all
    keys: int
    time_ms: Ints
    group: Hashes
    check: Hashes
    names: list[pl.Series]
    merges: tuple[Merge, ...]
    measures: list[Ints | None]
    sets: list[tuple[Hashes, Flags]]
    sketches: list[Sketching]


def hash_canary() -> int:
    """Give a value that changes when the hash function does; snapshots carry it."""
    words = pl.DataFrame({"a": ["gamewax"], "b": ["\u00e9"]})
    hashed = words.select(
        pl.col(name).hash(_GROUP_SEED).alias(f"{name}#{_GROUP_SEED}") for name in words.columns
    )
    return int(_mixed(hashed, words.columns, _GROUP_SEED)[0])


def hashes_of(names: Sequence[pl.Series]) -> tuple[Hashes, Hashes]:
    """Give both hashes of groups by their names, as `evaluate` finds them."""
    columns = [name.name for name in names]
    hashed = pl.DataFrame(names).select(
        pl.col(name).hash(seed).alias(f"{name}#{seed}")
        for name, seed in product(columns, (_GROUP_SEED, _CHECK_SEED))
    )
    return _mixed(hashed, columns, _GROUP_SEED), _mixed(hashed, columns, _CHECK_SEED)


def evaluate(aggregates: Sequence[Aggregate], events: pl.DataFrame) -> list[Columns]:
    """Evaluate keys, measures and sets of all aggregates over a batch, in one pass.

    Args:
        aggregates: whose expressions refer to columns of `events`.
        events: decoded events with `event_time` (int64 epoch ms).

    """
    blank = {name.name for name in events if name.null_count() == len(name)}
    wanted = {
        f"{of.table}.{name}": expression for of in aggregates for name, expression in _folded(of, blank)
    }
    wanted |= {name: expression for of in aggregates for name, expression in told_apart(of)}
    values = events.select(expression.alias(name) for name, expression in wanted.items())
    return [_columns(of, events, values) for of in aggregates]


def _folded(aggregate: Aggregate, blank: set[str]) -> Iterator[tuple[str, pl.Expr]]:
    """Give what is folded of each event, if any has it."""
    for name, measure in aggregate.measures().items():
        if measure.column not in blank:
            yield name, measure.event
    for name, micros in aggregate.sketches().items():
        if name not in blank:
            yield f"~{name}", micros


def told_apart(aggregate: Aggregate) -> Iterator[tuple[str, pl.Expr]]:
    """Give who is taken, and the hashes that tell groups and values apart; two aggregates may share some."""
    if aggregate.where is not None:
        yield f"{aggregate.table}.where", aggregate.where.fill_null(value=False)
    for name, of in aggregate.sets().items():
        yield f"{aggregate.table}.{name}", pl.all_horizontal((pl.col(of) != "").fill_null(value=False))
    for name, seed in product(aggregate.by, (_GROUP_SEED, _CHECK_SEED)):
        yield f"{name}#{seed}", _hash_of_key(name, seed)
    for name in dict.fromkeys(name for of in aggregate.sets().values() for name in of):
        yield f"{name}#{_VALUE_SEED}", pl.col(name).hash(_VALUE_SEED)


@cache
def _hash_of_key(name: str, seed: int) -> pl.Expr:
    return pl.col(name).fill_null("").hash(seed)  # made once: making it takes as long as 500 hashes


def columns_of(
    aggregate: Aggregate,
    events: pl.DataFrame,
    values: pl.DataFrame,
    folded: tuple[list[Ints | None], list[Sketching]],
) -> Columns:
    """Put together what an aggregate needs of events.

    Args:
        aggregate: whose columns these are.
        events: with the aggregate's names and `event_time`.
        values: what `told_apart` gives of them.
        folded: the aggregate's measures and sketches.

    """
    table, sets = aggregate.table, aggregate.sets()
    return Columns(
        taken=None if aggregate.where is None else values[f"{table}.where"].to_numpy(),
        keys=len(aggregate.by),
        time_ms=events["event_time"].to_numpy(),
        group=_mixed(values, aggregate.by, _GROUP_SEED),
        check=_mixed(values, aggregate.by, _CHECK_SEED),
        names=[_full(events[name]) for name in aggregate.names],  # as the table's key has it
        merges=tuple(measure.merge for measure in aggregate.measures().values()),
        measures=folded[0],
        sets=[(_values(values, of), values[f"{table}.{name}"].to_numpy()) for name, of in sets.items()],
        sketches=folded[1],
    )


def _columns(aggregate: Aggregate, events: pl.DataFrame, values: pl.DataFrame) -> Columns:
    def value(name: str) -> npt.NDArray[Any] | None:
        column = f"{aggregate.table}.{name}"
        return values[column].to_numpy() if column in values.columns else None

    measures = [value(name) for name in aggregate.measures()]
    sketches = [_sketching(values, f"{aggregate.table}.~{name}") for name in aggregate.sketches()]
    return columns_of(aggregate, events, values, (measures, sketches))


def _sketching(values: pl.DataFrame, column: str) -> Sketching:
    if column not in values.columns:
        return NoValues()
    micros = values[column]
    return Values(buckets_of(micros.fill_null(0).to_numpy()), micros.is_not_null().to_numpy())


def _full(column: pl.Series) -> pl.Series:
    return column.fill_null("") if column.null_count() else column


def _values(values: pl.DataFrame, of: tuple[str, ...]) -> Hashes:
    kept: Hashes = _mixed(values, of, _VALUE_SEED) >> np.uint64(64 - HASH_BITS)
    return kept


def _mixed(values: pl.DataFrame, columns: Sequence[str], seed: int) -> Hashes:
    """Hash a tuple of columns to 64 bits, from each column's own hashes."""
    mixed = np.zeros(values.height, np.uint64)
    for name in columns:
        mixed = (mixed ^ values[f"{name}#{seed}"].to_numpy()) * _ODD
        mixed ^= mixed >> np.uint64(32)
    return mixed
