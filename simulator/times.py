"""How clients write a time: `Z`, offsets, a space instead of `T`, more digits, epoch milliseconds.

Rules: what is written is exactly the given millisecond.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl

from simulator.plan import Ints


class Clock(NamedTuple):
    """One way: offset in minutes, what stands between date and time, and around the milliseconds."""

    offset_min: int
    between: str
    end: str


ZULU = Clock(0, "T", 'Z"')
WAYS = (ZULU, Clock(120, "T", '000+02:00"'), Clock(-480, "T", '000000-08:00"'), Clock(330, " ", '+05:30"'))
ZULU_CLOCK, EPOCH = 0, len(WAYS)
CLOCKS = (0, 0, 0, 0, 0, 1, 0, EPOCH, 0, 0, 2, 0, 3)  # by client: most write Z


def written(at_ms: Ints, clock: Ints) -> tuple[pl.Series, pl.Series]:
    """Write times as JSON in their clients' ways, in two columns that are to be joined.

    >>> first, rest = written(np.array([1_500] * 5), np.arange(5))
    >>> (first + rest).to_list()  # doctest: +NORMALIZE_WHITESPACE
    ['"1970-01-01T00:00:01.500Z"', '"1970-01-01T02:00:01.500000+02:00"',
     '"1969-12-31T16:00:01.500000000-08:00"', '"1970-01-01 05:30:01.500+05:30"', '1500']
    """
    seconds, which = np.unique(at_ms // 1000, return_inverse=True)
    known = seconds.tolist()
    firsts = [to_the_second(second, way) for way in WAYS for second in known]
    table = pl.Series(firsts + list(map(str, known)), dtype=pl.String)
    return table.gather(clock * len(known) + which), _rests().gather(clock * 1000 + at_ms % 1000)


@lru_cache(maxsize=1 << 16)
def to_the_second(second: int, way: Clock) -> str:
    """Write an epoch second as the first part of a JSON text."""
    day = datetime.fromtimestamp(second + way.offset_min * 60, UTC)
    return f'"{day:%Y-%m-%d}{way.between}{day:%H:%M:%S}'


@cache
def _rests() -> pl.Series:
    """Write what follows the second, for each way and millisecond."""
    return pl.Series(
        [*(f".{ms:03d}{way.end}" for way in WAYS for ms in range(1000)), *(f"{ms:03d}" for ms in range(1000))]
    )
