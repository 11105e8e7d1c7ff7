"""Sets and sketches of many groups as one sorted array each, so that merging is sorting.

Rules: a distinct value is `group << 48 | 48 hash bits`; a sketched one is `group << BUCKET_BITS | bucket`
with a count beside it. A group is known by a number that is its own in the array at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.sketch import BUCKET_BITS

HASH_BITS = 48

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counted:
    """The sketches of some groups: sorted `group << BUCKET_BITS | bucket`, and how often each was seen."""

    keys: Hashes
    counts: Ints


def changes(*columns: npt.NDArray[Any]) -> Flags:
    """Mark where a new run of equal values begins in any of the columns."""
    changed = [column[1:] != column[:-1] for column in columns]
    return np.concatenate(([True], np.logical_or.reduce(changed)))


def local_set(values: Hashes, counts: Flags, local: Ints) -> Hashes:
    """Give the sets of groups: each event's value hash, whether it counts, and its group's number."""
    pairs = (local[counts].astype(np.uint64) << np.uint64(HASH_BITS)) | values[counts]
    return sorted_unique(pairs)


def split_set(values: Hashes, pieces: Ints) -> list[Hashes]:
    """Split a set array at the pieces' first groups, and count each piece's groups from 0 again."""
    lowest = pieces.astype(np.uint64) << np.uint64(HASH_BITS)
    bounds = [*np.searchsorted(values, lowest).tolist(), len(values)]
    return [values[begin:end] - low for (begin, end), low in zip(pairwise(bounds), lowest, strict=True)]


def local_sketch(buckets: Hashes, counts: Flags, local: Ints) -> Counted:
    """Give the sketches of groups: each event's bucket, whether it counts, and its group's number."""
    keys = (local[counts].astype(np.uint64) << np.uint64(BUCKET_BITS)) | buckets[counts]
    return added_up(keys, np.ones(len(keys), np.int64))


def split_sketch(sketch: Counted, pieces: Ints) -> list[Counted]:
    """Split sketches at the pieces' first groups, and count each piece's groups from 0 again."""
    lowest = pieces.astype(np.uint64) << np.uint64(BUCKET_BITS)
    bounds = [*np.searchsorted(sketch.keys, lowest).tolist(), len(sketch.keys)]
    parts = zip(pairwise(bounds), lowest, strict=True)
    return [Counted(sketch.keys[begin:end] - low, sketch.counts[begin:end]) for (begin, end), low in parts]


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of some finer groups, counted from 0."""

    counted: Counted

    def of_groups(self, kept: Ints, local: Ints) -> Counted:
        """Add up those of some finer groups, by the number of the group that each of them belongs to."""
        bits, counted = np.uint64(BUCKET_BITS), self.counted
        if not len(counted.keys):
            return counted
        finer = (counted.keys >> bits).astype(np.int64)
        number = np.full(max(finer[-1], kept.max()) + 1, -1)
        number[kept] = local
        group = number[finer]
        chosen = group >= 0
        bucket = counted.keys[chosen] & np.uint64(2**BUCKET_BITS - 1)
        return added_up((group[chosen].astype(np.uint64) << bits) | bucket, counted.counts[chosen])


def added_up(keys: Hashes, counts: Ints) -> Counted:
    """Sort by key and add the counts of equal keys."""
    if not len(keys):
        return Counted(keys, counts)
    order = np.argsort(keys)
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(changes(keys))
    return Counted(keys[first], np.add.reduceat(counts, first))


def sorted_unique(values: Hashes) -> Hashes:
    """Sort and drop repeats (numpy's own `unique` is slower on 64-bit integers)."""
    if len(values) < 2:  # noqa: PLR2004
        return values
    values = np.sort(values)
    return values[np.concatenate(([True], values[1:] != values[:-1]))]


def greatest_texts(group: Ints, texts: pl.Series) -> pl.Series:
    """Give the greatest text of each group (numbered from 0, each with one at least).

    >>> greatest_texts(np.array([1, 0, 1]), pl.Series(["b", "a", "é"])).to_list()
    ['a', 'é']

    """
    found = pl.DataFrame({"group": group, "text": texts}).group_by("group").agg(pl.col("text").max())
    return found.sort("group")["text"].alias(texts.name)
