"""A batch of events, cut by window and group into partial aggregates, shard by shard.

Rules:
- Pure and columnar: one sort per aggregate and size, then contiguous slices; no Python per event.
- A group is known by two 64-bit hashes of its key columns (null is `''`): it is found by the first, and
  the second shows when two groups share it. Its names travel along and are never compared.
- Distinct values and sketches of all groups are one sorted array each (`windows.arrays`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.aggregates import Aggregate, Merge
from models.sketch import buckets_of
from topics.excerpts import owned
from windows.arrays import (
    HASH_BITS,
    Counted,
    Flags,
    Hashes,
    Ints,
    changes,
    local_set,
    local_sketch,
    split_set,
    split_sketch,
)
from windows.plan import SHARD_BITS

MOST_ROWS = 2 ** (64 - HASH_BITS)  # rows of a batch: a local group index must fit beside the hash
_LOW = np.uint64(2 ** (64 - SHARD_BITS) - 1)
_GROUP_SEED, _CHECK_SEED, _VALUE_SEED = 11, 17, 23
_ODD = np.uint64(0x9FB21C651E98DF25)  # spreads a mixed hash's bits upwards (a random odd number)


@dataclass(frozen=True, slots=True)
class Partial:
    """Groups of one window in one shard, each once.

    `measures` has a row per measure and a column per group; `sets` one sorted array per distinct count,
    `sketches` one `Counted` per sketched metric.
    """

    shard: int
    start_ms: int
    group: Hashes
    check: Hashes
    names: list[pl.Series]
    measures: Ints
    sets: tuple[Hashes, ...]
    sketches: tuple[Counted, ...]

    @property
    def events(self) -> int:
        """Count the events in it (the first measure is `FOLDED`)."""
        return int(self.measures[0].sum())


@dataclass(frozen=True, slots=True)
class Columns:
    """What one aggregate needs of a batch, evaluated once for all window sizes, one value per event.

    `names` are the key columns, `sets` the hash of each distinct value and whether it counts at all,
    `sketches` the bucket of each metric's value and whether there is one.
    """

    taken: Flags | None  # None: all
    time_ms: Ints
    group: Hashes
    check: Hashes
    names: list[pl.Series]
    merges: tuple[Merge, ...]
    measures: list[Ints]
    sets: list[tuple[Hashes, Flags]]
    sketches: list[tuple[Hashes, Flags]]


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
    wanted = {f"{of.table}.{name}": expression for of in aggregates for name, expression in _expressions(of)}
    wanted |= {name: expression for of in aggregates for name, expression in _hashed(of)}
    values = events.select(expression.alias(name) for name, expression in wanted.items())
    return [_columns(of, events, values) for of in aggregates]


def _expressions(aggregate: Aggregate) -> Iterator[tuple[str, pl.Expr]]:
    if aggregate.where is not None:
        yield "where", aggregate.where.fill_null(value=False)
    for name, measure in aggregate.measures().items():
        yield name, measure.event
    for name, of in aggregate.sets().items():
        yield name, pl.all_horizontal((pl.col(of) != "").fill_null(value=False))
    for name, micros in aggregate.sketches().items():
        yield f"~{name}", micros


def _hashed(aggregate: Aggregate) -> Iterator[tuple[str, pl.Expr]]:
    """Give the hashes that an aggregate needs of columns; two aggregates may share some."""
    for name, seed in product(aggregate.by, (_GROUP_SEED, _CHECK_SEED)):
        yield f"{name}#{seed}", pl.col(name).fill_null("").hash(seed)
    for name in dict.fromkeys(name for of in aggregate.sets().values() for name in of):
        yield f"{name}#{_VALUE_SEED}", pl.col(name).hash(_VALUE_SEED)


def _columns(aggregate: Aggregate, events: pl.DataFrame, values: pl.DataFrame) -> Columns:
    def value(name: str) -> npt.NDArray[Any]:
        return values[f"{aggregate.table}.{name}"].to_numpy()

    names = [_full(events[name]) for name in aggregate.by]  # as the table's key has it
    return Columns(
        taken=None if aggregate.where is None else value("where"),
        time_ms=events["event_time"].to_numpy(),
        group=_mixed(values, aggregate.by, _GROUP_SEED),
        check=_mixed(values, aggregate.by, _CHECK_SEED),
        names=names,
        merges=tuple(measure.merge for measure in aggregate.measures().values()),
        measures=[value(name) for name in aggregate.measures()],
        sets=[(_values(values, of), value(name)) for name, of in aggregate.sets().items()],
        sketches=[_buckets(values[f"{aggregate.table}.~{name}"]) for name in aggregate.sketches()],
    )


def _buckets(micros: pl.Series) -> tuple[Hashes, Flags]:
    return buckets_of(micros.fill_null(0).to_numpy()), micros.is_not_null().to_numpy()


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


def cut(of: Columns, size_s: int, late: Flags | None) -> Iterator[Partial]:
    """Cut evaluated events into one partial per (shard, window), without the late ones.

    Args:
        of: at most `MOST_ROWS` events.
        size_s: window size in seconds.
        late: per event of the batch, true to leave it out; None when none is late.

    """
    kept = _kept(of, late)
    if not len(kept):
        return
    window = of.time_ms[kept] // (size_s * 1000)
    order = np.argsort(_sort_key(of.group[kept], window))
    kept, window = kept[order], window[order]
    group, check = of.group[kept], of.check[kept]
    opens = changes(group, window) | changes(check, window)
    first = np.flatnonzero(opens)
    local = np.cumsum(opens) - 1
    measures = np.stack([_reduced(of, number, kept, first) for number in range(len(of.measures))])
    sets = [local_set(values[kept], counts[kept], local) for values, counts in of.sets]
    sketches = [local_sketch(buckets[kept], counts[kept], local) for buckets, counts in of.sketches]
    opening = pl.Series(kept[first])
    names = [owned(name[opening]) for name in of.names]  # windows live longer than the batch's text
    group, check, window = group[first], check[first], window[first]
    shard = (group >> np.uint64(64 - SHARD_BITS)).astype(np.int64)
    pieces = np.flatnonzero(changes(shard, window))
    split_sets = [split_set(values, pieces) for values in sets]
    split_sketches = [split_sketch(sketch, pieces) for sketch in sketches]
    for number, (low, high) in enumerate(pairwise([*pieces.tolist(), len(first)])):
        yield Partial(
            shard=int(shard[low]),
            start_ms=int(window[low]) * size_s * 1000,
            group=group[low:high],
            check=check[low:high],
            names=[name.slice(low, high - low) for name in names],
            measures=measures[:, low:high],
            sets=tuple(parts[number] for parts in split_sets),
            sketches=tuple(parts[number] for parts in split_sketches),
        )


def _kept(of: Columns, late: Flags | None) -> Ints:
    """Give the positions of the events that the aggregate takes and that are not late."""
    if late is not None:
        return np.flatnonzero(~late if of.taken is None else of.taken & ~late)
    return np.arange(len(of.time_ms)) if of.taken is None else np.flatnonzero(of.taken)


def _sort_key(group: Hashes, window: Ints) -> Hashes:
    """Order by shard, window, group: the shard bits, the window counted from the first, hash bits."""
    relative = (window - window.min()).astype(np.uint64)
    bits = np.uint64(int(relative.max()).bit_length())
    space = np.uint64(64 - SHARD_BITS) - bits
    key: Hashes = (group & ~_LOW) | (relative << space) | ((group & _LOW) >> bits)
    return key


def _reduced(of: Columns, number: int, kept: Ints, first: Ints) -> Ints:
    """Reduce one measure over each group's run of events."""
    reduced: Ints = _REDUCE[of.merges[number]].reduceat(of.measures[number][kept], first)
    return reduced


_REDUCE = {Merge.ADD: np.add, Merge.MIN: np.minimum, Merge.MAX: np.maximum}
