"""A batch of events, cut by window and group into partial aggregates, shard by shard.

Rules:
- Pure and columnar: one sort per aggregate and size, then contiguous slices; no Python per event.
- A group is found by the first of its hashes (`windows.columns`). Its names travel along and are never
  compared.
- Distinct values and sketches of all groups are one sorted array each (`windows.arrays`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from models.aggregates import NOTHING, Merge
from topics.excerpts import owned
from windows.arrays import (
    HASH_BITS,
    Counted,
    Flags,
    Hashes,
    Ints,
    changes,
    greatest_texts,
    local_set,
    split_set,
    split_sketch,
)
from windows.columns import Columns
from windows.plan import SHARD_BITS

MOST_ROWS = 2 ** (64 - HASH_BITS)  # rows of a batch: a local group index must fit beside the hash
_LOW = np.uint64(2 ** (64 - SHARD_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Partial:
    """Groups of one window in one shard, each once.

    `names` are the key columns, then the attributes. `measures` has a row per measure and a column per
    group; `sets` one sorted array per distinct count, `sketches` one `Counted` per sketched metric.
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
class Grouped:
    """The groups of a batch, each once, by shard, window (its number since the epoch) and group."""

    window: Ints
    group: Hashes
    check: Hashes
    names: list[pl.Series]
    measures: Ints
    sets: list[Hashes]
    sketches: list[Counted]


def cut(of: Columns, size_s: int, late: Flags | None) -> Iterator[Partial]:
    """Cut evaluated events into one partial per (shard, window), without the late ones.

    Args:
        of: at most `MOST_ROWS` events.
        size_s: window size in seconds.
        late: per event of the batch, true to leave it out; None when none is late.

    """
    found = grouped(of, size_s * 1000, late)
    if found is not None:
        yield from _split(found, size_s * 1000)


def grouped(of: Columns, size_ms: int, late: Flags | None) -> Grouped | None:
    """Group evaluated events by window, as `cut` does; None when all are late or left out."""
    kept = _kept(of, late)
    if not len(kept):
        return None
    window = of.time_ms[kept] // size_ms
    order = np.argsort(_sort_key(of.group[kept], window))
    kept, window = kept[order], window[order]
    group, check = of.group[kept], of.check[kept]
    opens = changes(group, window) | changes(check, window)
    first = np.flatnonzero(opens)
    local = np.cumsum(opens) - 1
    opening = pl.Series(kept[first])
    names = [owned(name[opening]) for name in of.names[: of.keys]]  # windows live longer than the text
    attributes = [_greatest(name[pl.Series(kept)], first, local) for name in of.names[of.keys :]]
    return Grouped(
        window=window[first],
        group=group[first],
        check=check[first],
        names=names + attributes,
        measures=np.stack([_reduced(of, number, kept, first) for number in range(len(of.measures))]),
        sets=[local_set(values[kept], counts[kept], local) for values, counts in of.sets],
        sketches=[sketch.of_groups(kept, local) for sketch in of.sketches],
    )


def _split(of: Grouped, size_ms: int) -> Iterator[Partial]:
    """Part groups by shard and window."""
    shard = (of.group >> np.uint64(64 - SHARD_BITS)).astype(np.int64)
    pieces = np.flatnonzero(changes(shard, of.window))
    split_sets = [split_set(values, pieces) for values in of.sets]
    split_sketches = [split_sketch(sketch, pieces) for sketch in of.sketches]
    for number, (low, high) in enumerate(pairwise([*pieces.tolist(), len(shard)])):
        yield Partial(
            shard=int(shard[low]),
            start_ms=int(of.window[low]) * size_ms,
            group=of.group[low:high],
            check=of.check[low:high],
            names=[name.slice(low, high - low) for name in of.names],
            measures=of.measures[:, low:high],
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
    values, merge = of.measures[number], of.merges[number]
    if values is None:
        return np.full(len(first), NOTHING[merge])
    reduced: Ints = _REDUCE[merge].reduceat(values[kept], first)
    return reduced


def _greatest(texts: pl.Series, first: Ints, local: Ints) -> pl.Series:
    """Give the greatest text of each group's run."""
    opening = texts[pl.Series(first)]
    if len(first) == len(texts) or (opening[pl.Series(local)] == texts).all():
        return opening
    return greatest_texts(local, texts)


_REDUCE = {Merge.ADD: np.add, Merge.MIN: np.minimum, Merge.MAX: np.maximum}
