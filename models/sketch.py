"""Quantiles of a metric by DDSketch: integer counts in logarithmic buckets, merged by adding them.

Source: Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees", VLDB 2019. Rules:
- A quantile q of n values is the bucket of the value at rank floor(q * (n - 1)) of the sorted values,
  shown as a number within `ERROR` (1 %) of it, relative. Zero is exact.
- A value is first rounded to millionths, as the means are. Buckets do not depend on what was seen
  before, so any order and any split of events gives the same quantiles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

ERROR = 0.01
BUCKET_BITS = 13
ZERO = 2 ** (BUCKET_BITS - 1)  # the bucket of 0: greater values above it, smaller ones mirrored below
_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA = float(np.log(_GAMMA))
_MICRO = 10**6


def buckets_of(micros: Ints) -> Keys:
    """Give the bucket of each value (in millionths): 0 to 2^`BUCKET_BITS` - 1, ascending by value."""
    size = np.abs(micros)
    steps = np.ceil(np.log(np.maximum(size, 1)) / _LOG_GAMMA).astype(np.int64) + 1
    found: Keys = (ZERO + np.sign(micros) * steps).astype(np.uint64)
    return found


def value_of(bucket: Ints) -> Floats:
    """Give the number that stands for a bucket."""
    steps = np.abs(bucket - ZERO)
    middle = 2 * _GAMMA ** (steps - 1.0) / (_GAMMA + 1) / _MICRO
    value: Floats = np.sign(bucket - ZERO) * np.where(steps, middle, 0.0)
    return value


def quantile(keys: Keys, counts: Ints, groups: int, q: float) -> Floats:
    """Give each group's quantile; NaN for a group without values.

    Args:
        keys: group << `BUCKET_BITS` | bucket, ascending.
        counts: how many values each key has.
        groups: groups are numbered 0 to `groups` - 1.
        q: 0 to 1.

    """
    return quantile_within(keys, counts, bounds_of(keys, groups), q)


def bounds_of(keys: Keys, groups: int) -> Ints:
    """Give where each group's keys begin, and where the last one's end."""
    begins = np.arange(groups + 1, dtype=np.uint64) << np.uint64(BUCKET_BITS)
    return np.searchsorted(keys, begins).astype(np.int64, copy=False)


def quantile_within(keys: Keys, counts: Ints, bounds: Ints, q: float) -> Floats:
    """Give each group's quantile as `quantile` does, for who knows the bounds already."""
    if not len(keys):
        return np.full(len(bounds) - 1, np.nan)
    reached = np.cumsum(counts)
    before = np.concatenate(([0], reached))[bounds]
    starts, total = before[:-1], np.diff(before)
    rank = starts + np.floor(q * np.maximum(total - 1, 0)).astype(np.int64)
    at = np.minimum(np.searchsorted(reached, rank, side="right"), len(keys) - 1)
    bucket = (keys[at] & np.uint64(2**BUCKET_BITS - 1)).astype(np.int64)
    return np.where(total > 0, value_of(bucket), np.nan)
