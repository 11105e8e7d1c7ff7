"""The groups of one window in one shard, as arrays; and how groups of two counts become one's numbers.

Rules: a group is known by its place in `group`, which never changes while the groups are held; set and
sketch arrays carry that number in their upper bits, in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.aggregates import Aggregate, Sketched
from models.sketch import BUCKET_BITS
from windows.arrays import HASH_BITS, Counted, Flags, Hashes, Ints, changes, sorted_unique

WIDE_HASH_BITS = 40  # once a window holds more groups than fit beside 48 hash bits


@dataclass(slots=True)
class Groups:
    """The groups of a cell, by index; `measures` has a row per measure and a column per group.

    `names` are the key columns, then the attributes.
    """

    group: Hashes
    check: Hashes
    names: list[pl.Series]
    measures: Ints
    sets: list[Hashes]
    sketches: list[Counted]
    hash_bits: int = HASH_BITS


def no_groups(aggregate: Aggregate) -> Groups:
    """Give the groups of a window that has seen nothing."""
    return Groups(
        group=np.empty(0, np.uint64),
        check=np.empty(0, np.uint64),
        names=[pl.Series(name, dtype=pl.String) for name in aggregate.names],
        measures=np.empty((len(aggregate.measures()), 0), np.int64),
        sets=[np.empty(0, np.uint64) for _ in aggregate.sets()],
        sketches=[Counted(np.empty(0, np.uint64), np.empty(0, np.int64)) for _ in aggregate.sketches()],
    )


def placed(known: Hashes, came: Hashes) -> tuple[Ints, Flags]:
    """Find groups by hash: the index of each that came, and whether it is the first of a new group.

    One at least must come. New groups get the next indexes, in the order in which they came. One sort of
    all (numpy sorts 64-bit integers with vector instructions) costs half of looking each up.

    >>> placed(np.array([7, 5], np.uint64), np.array([9, 5, 9, 3], np.uint64))
    (array([2, 1, 2, 3]), array([ True, False, False,  True]))

    """
    every = np.concatenate((known, came))
    order = np.argsort(every)
    opens = changes(every[order])
    first = np.minimum.reduceat(order, np.flatnonzero(opens))  # where each hash was met first
    fresh = np.zeros(len(every), np.bool_)
    fresh[first] = True
    fresh[: len(known)] = True  # a known group's index is its place
    number = (np.cumsum(fresh) - 1)[first]
    index = np.empty(len(every), np.int64)
    index[order] = number[np.cumsum(opens) - 1]
    return index[len(known) :], fresh[len(known) :]


def renamed(values: Hashes, index: Hashes, hash_bits: int) -> Hashes:
    """Turn a partial's own group numbers in a set into the cell's, at the cell's hash width."""
    low = (values & np.uint64(2**HASH_BITS - 1)) >> np.uint64(HASH_BITS - hash_bits)
    found: Hashes = (index[values >> np.uint64(HASH_BITS)] << np.uint64(hash_bits)) | low
    return found


def widened(values: Hashes) -> Hashes:
    """Move a set array from 48 to 40 hash bits: room for 2^24 groups, order kept."""
    identity = np.arange(2 ** (64 - HASH_BITS), dtype=np.uint64)
    return sorted_unique(renamed(values, identity, WIDE_HASH_BITS))


def regrouped(keys: Hashes, index: Hashes) -> Hashes:
    """Turn a partial's own group numbers in sketch keys into the cell's."""
    bits = np.uint64(BUCKET_BITS)
    found: Hashes = (index[keys >> bits] << bits) | (keys & np.uint64(2**BUCKET_BITS - 1))
    return found


def only(sketch: Counted, chosen: Flags) -> Sketched:
    """Keep the sketches of the chosen groups, renumbered from 0."""
    if chosen.all():
        return Sketched(sketch.keys, sketch.counts, len(chosen))
    place = np.cumsum(chosen) - 1
    group = (sketch.keys >> np.uint64(BUCKET_BITS)).astype(np.int64)
    kept = chosen[group]
    bucket = sketch.keys[kept] & np.uint64(2**BUCKET_BITS - 1)
    keys = (place[group[kept]].astype(np.uint64) << np.uint64(BUCKET_BITS)) | bucket
    return Sketched(keys, sketch.counts[kept], int(chosen.sum()))
