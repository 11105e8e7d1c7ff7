"""Sums that cannot overflow: integers kept as two halves of 32 bits, put together once, in the row.

Rules: a half adds up exactly over 2^31 events; the whole is `high * 2^32 + low`. A mean is one division
of two exact integers, correctly rounded, so any order of events gives the same bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HALF = 2**32
MICRO = 10**6  # metrics are summed in millionths
CENT_PARTS = 10**4  # money is summed in 10^-4 of its currency
_EXACT = 2**53  # integers up to this are floats without loss
_SHORT = 2**20  # a high half below this, with a low one below 2^52, makes a whole below `_EXACT`
_MOST = 10**18 - 1  # the largest Decimal(18,4), in 10^-4: greater sums show this


def high_half(units: pl.Expr) -> pl.Expr:
    """Give the upper half (signed) of integers; null gives 0."""
    return (units // HALF).fill_null(0)


def low_half(units: pl.Expr) -> pl.Expr:
    """Give the lower half (0 to 2^32 - 1) of integers; null gives 0."""
    return (units % HALF).fill_null(0)


def micros(column: str) -> pl.Expr:
    """Give a metric (Float64, |x| < 10^12) in millionths (Int64), rounded half to even."""
    return (pl.col(column) * MICRO).round(mode="half_to_even").cast(pl.Int64)


def quotient(high: Ints, low: Ints, divisor: Ints) -> Floats:
    """Divide whole sums by positive integers below 2^53: the float nearest to the exact result."""
    plain = (np.abs(high) < _SHORT) & (low < _EXACT // 2) & (divisor < _EXACT)
    whole = np.where(plain, high, 0) * HALF + np.where(plain, low, 0)
    found: Floats = whole / divisor
    for at in np.flatnonzero(~plain).tolist():
        found[at] = (int(high[at]) * HALF + int(low[at])) / int(divisor[at])
    return found


def whole(high: Ints, low: Ints) -> Ints:
    """Give whole sums; those beyond 63 bits show the largest or smallest such integer."""
    carried = high + low // HALF
    kept = np.clip(carried, -(2**31), 2**31 - 1)
    sums: Ints = kept * HALF + low % HALF
    sums[carried > kept] = 2**63 - 1
    sums[carried < kept] = -(2**63)
    return sums


def money(high: Ints, low: Ints) -> pl.Series:
    """Give sums of 10^-4 as Decimal(18,4), exact up to 10^14; a greater one shows the largest Decimal."""
    units = np.clip(whole(high, low), -_MOST, _MOST)
    pairs = np.stack([units, units >> 63], axis=1)  # a decimal is a 128-bit integer, low half first
    buffer = pa.py_buffer(np.ascontiguousarray(pairs).tobytes())
    column = pa.Array.from_buffers(pa.decimal128(18, 4), len(units), [None, buffer])
    return pl.Series(pl.from_arrow(column))
