"""Columns of lists from flat arrays.

Rules: made of the arrays' own bytes. Pyarrow's way from a numpy array imports pandas, which costs a flow a
quarter of a second and 60 MB.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint16] | npt.NDArray[np.uint64]
_TYPES = {"uint16": pa.uint16(), "uint64": pa.uint64()}


def lists(offsets: Ints, values: Numbers) -> pl.Series:
    """Give lists: one from each offset to before the next.

    >>> lists(np.array([0, 2, 2]), np.array([7, 8], np.uint16)).to_list()
    [[7, 8], []]

    """
    if not len(values):
        return _empty(len(offsets) - 1, values.dtype.name)
    return _lists(offsets, values)


@lru_cache(maxsize=1_000)
def _empty(count: int, kind: str) -> pl.Series:
    """Give so many empty lists, made once: most shards of a window have as many groups as before."""
    return _lists(np.zeros(count + 1, np.int64), np.empty(0, kind))


def _lists(offsets: Ints, values: Numbers) -> pl.Series:
    kind = _TYPES[values.dtype.name]
    flat = pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.tobytes())])
    begins = pa.py_buffer(offsets.astype(np.int64, copy=False).tobytes())
    column = pa.Array.from_buffers(pa.large_list(kind), len(offsets) - 1, [None, begins], children=[flat])
    return pl.Series(pl.from_arrow(column))
