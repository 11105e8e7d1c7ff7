"""Times as games write them: RFC 3339 text with any offset, to epoch milliseconds (UTC).

Rules: `T`, `t` or one space between date and time; `Z`, `z` or `+hh:mm`; a fraction of any length is
cut (floored) to milliseconds; second 60 is the first millisecond of the next minute. No offset, no
time. `from_text` is the definition; `from_texts` answers the same for what it is sure of, and
leaves the rest to `from_text`.
"""

# ruff: noqa: PLR2004 - the numbers of the calendar are their own names

from __future__ import annotations

import re
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

EARLIEST_MS = 0  # 1970-01-01T00:00:00Z
LATEST_MS = 4_291_747_199_999  # 2105-12-31T23:59:59.999Z, the last day that ClickHouse's DateTime holds whole
BEYOND_MS = 1 << 62  # stands for any number too long to be a time
AHEAD_MS = 300_000  # how far an event's time may be ahead of its record's Kafka timestamp

DAY_MS = 86_400_000
MONTH_DAYS: Ints = np.array(
    [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] + [0] * 87
)  # of any two digits
SHORTEST, LONGEST = len("1970-01-01T00:00:00Z"), len("1970-01-01T00:00:00.123456789+00:00")
DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15]  # of a time to the minute
TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Int = TypeVar("Int", int, Ints)


def from_text(text: str) -> int | None:
    """Read one time; epoch ms, `None` when it is not one.

    >>> from_text("1970-01-01t01:00:00.0129+01:00")
    12
    """
    match = TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    offset_h, offset_m = int(match[9] or 0), int(match[10] or 0)
    if not 1 <= day <= _days_in(year, month) or hour > 23 or minute > 59 or second > 60:
        return None
    if offset_h > 23 or offset_m > 59:
        return None
    fraction_ms = 0 if second == 60 else int(((match[7] or "") + "000")[:3])
    offset_min = (offset_h * 60 + offset_m) * (-1 if match[8] == "-" else 1)
    minutes = hour * 60 + minute - offset_min
    return _days_since_epoch(year, month, day) * DAY_MS + minutes * 60_000 + second * 1000 + fraction_ms


def from_texts(texts: pl.Series) -> tuple[Ints, Bools]:
    """Read a column of times (String, no nulls); epoch ms, and which of them are sure.

    What is not sure (second 60, a fraction longer than nanoseconds, no time at all) is for `from_text`.
    """
    bounds, codes = _bytes_of(texts)
    sizes = np.diff(bounds)
    ms, sure = np.zeros(sizes.size, np.int64), np.zeros(sizes.size, np.bool_)
    for size in _sizes_of_times(sizes):
        rows = np.flatnonzero(sizes == size)
        if rows.size == sizes.size:
            table = codes[bounds[0] : bounds[-1]].reshape(-1, size)
        else:
            table = np.lib.stride_tricks.sliding_window_view(codes, size)[bounds[rows]]
        zulu = (table[:, -1] | 0x20) == ord("z")
        for zone, some in ((1, zulu), (6, ~zulu)):
            if some.all():
                ms[rows], sure[rows] = _from_table(table, zone)
            elif some.any():
                ms[rows[some]], sure[rows[some]] = _from_table(table[some], zone)
    return ms, sure


def _sizes_of_times(sizes: Ints) -> list[int]:
    """Give the lengths that there are, of those that a time may have."""
    least, most = (int(of) for of in (sizes.min(initial=LONGEST), sizes.max(initial=0)))
    every = [least] if least == most else np.unique(sizes).tolist()
    return [size for size in every if SHORTEST <= size <= LONGEST]


def _bytes_of(texts: pl.Series) -> tuple[Ints, Bytes]:
    """Lay a column of text out: where each text begins (and the last ends), and the bytes."""
    array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(array):
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    bounds = np.frombuffer(_buffer(array, 1), np.int64)[array.offset : array.offset + len(array) + 1]
    return bounds, np.frombuffer(_buffer(array, 2), np.uint8)


def _buffer(array: pa.Array[pa.StringScalar], index: int) -> memoryview:
    buffer = array.buffers()[index]
    return memoryview(b"" if buffer is None else buffer)


def _from_table(table: Bytes, zone: int) -> tuple[Ints, Bools]:
    """Read texts of one length, a row each, whose zone takes the last `zone` bytes."""
    columns = np.ascontiguousarray(table.T)
    numbers = columns - 48  # unsigned: what is no digit becomes 10 or more
    one_minute = bool((columns[:17] == columns[:17, :1]).all())
    ms, sure = _minutes_ms(columns[:, :1], numbers[:, :1]) if one_minute else _minutes_ms(columns, numbers)
    second = _two(numbers, 17)
    sure = sure & (numbers[17] < 10) & (numbers[18] < 10) & (second <= 59)
    ms = ms + second * 1000 + _fraction_ms(columns[19:-zone], sure)
    return (ms - _offset_ms(columns[-zone:], sure) if zone > 1 else ms), sure


def _minutes_ms(columns: Bytes, numbers: Bytes) -> tuple[Ints, Bools]:
    """Read the first 16 bytes, to the minute, and the colon after them."""
    sure = (numbers[DIGITS] < 10).all(axis=0)
    for at, mark in ((4, "-"), (7, "-"), (13, ":"), (16, ":")):
        sure &= columns[at] == ord(mark)
    sure &= ((columns[10] | 0x20) == ord("t")) | (columns[10] == ord(" "))
    year = _two(numbers, 0) * 100 + _two(numbers, 2)
    month, day = _two(numbers, 5), _two(numbers, 8)
    hour, minute = _two(numbers, 11), _two(numbers, 14)
    sure &= (hour <= 23) & (minute <= 59)
    month[~sure] = 0
    sure &= (day >= 1) & (day <= _days_in(year, month))
    return _days_since_epoch(year, month, day) * DAY_MS + (hour * 60 + minute) * 60_000, sure


def _two(numbers: Bytes, at: int) -> Ints:
    number: Ints = numbers[at] * np.int64(10) + numbers[at + 1]
    return number


def _offset_ms(columns: Bytes, sure: Bools) -> Ints:
    """Read `+hh:mm`; clears `sure` where it is none."""
    numbers = columns - 48
    hours, minutes = _two(numbers, 1), _two(numbers, 4)
    minus = columns[0] == ord("-")
    sure &= (numbers[[1, 2, 4, 5]] < 10).all(axis=0) & (columns[3] == ord(":"))
    sure &= ((columns[0] == ord("+")) | minus) & (hours <= 23) & (minutes <= 59)
    return (hours * 60 + minutes) * np.where(minus, -60_000, 60_000)


def _fraction_ms(columns: Bytes, sure: Bools) -> Ints:
    """Read nothing or `.` and digits, cut to milliseconds; clears `sure` where it is neither."""
    ms = np.zeros(sure.size, np.int64)
    if len(columns):
        numbers = columns[1:] - 48
        sure &= (columns[0] == ord(".")) & (numbers < 10).all(axis=0) & (len(columns) > 1)
        for digit, weight in zip(numbers, (100, 10, 1), strict=False):
            ms += digit * np.int64(weight)
    return ms


def _days_in(year: Int, month: Int) -> Int:
    leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days: Int = MONTH_DAYS[month] + leap
    return days


def _days_since_epoch(year: Int, month: Int, day: Int) -> Int:
    """Count days in the proleptic Gregorian calendar; years begin in March (Hinnant)."""
    shifted = year - (month <= 2)
    era, year_of_era = shifted // 400, shifted % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: Int = era * 146_097 + day_of_era - 719_468
    return days
