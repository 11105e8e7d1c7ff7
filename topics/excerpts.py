"""A column of text whose cells are places in a larger text: nothing longer than 12 bytes is copied.

Rules: a cell is 16 bytes, as Arrow's string view has it: the length (4 bytes), then the text itself when it
has 12 bytes or less, else its first 4, the number of its buffer (0) and where it begins there. So the column
keeps the whole text in memory: `owned` gives one that keeps only its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from topics.lines import Ints, Lines

INLINE = 12
LONGEST_TEXT = 2**31 - 1  # a place in it takes 4 bytes
FIRST_4: npt.NDArray[np.uint32] = np.array([2 ** (8 * min(size, 4)) - 1 for size in range(INLINE + 1)], "<u4")
LAST_8: npt.NDArray[np.uint64] = np.array(
    [2 ** (8 * max(size - 4, 0)) - 1 for size in range(INLINE + 1)], "<u8"
)


def excerpts(name: str, lines: Lines, begins: Ints, ends: Ints) -> pl.Series:
    """Give what stands between each two places, which lie in one message and between its characters."""
    sizes = ends - begins
    cells = np.empty((sizes.size, 4), "<u4")
    cells[:, 0] = sizes
    cells[:, 1:] = lines.bytes_at(begins, INLINE).view("<u4").reshape(-1, 3)
    inline = np.minimum(sizes, INLINE)
    cells[:, 1] &= FIRST_4[inline]
    last = cells.view("<u8")[:, 1]
    last &= LAST_8[inline]
    if sizes.max(initial=0) > INLINE:
        np.copyto(last, begins.astype(np.uint64) << np.uint64(32), where=sizes > INLINE)
    buffers = [None, pa.py_buffer(cells.data), pa.py_buffer(lines.text)]
    return pl.Series(name, pa.Array.from_buffers(pa.string_view(), sizes.size, buffers))


def owned(column: pl.Series) -> pl.Series:
    """Copy a column of text, so that it keeps nothing else in memory."""
    return pl.Series(column.name, column.to_arrow(compat_level=pl.CompatLevel.oldest()))
