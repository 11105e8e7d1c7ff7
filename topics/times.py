"""Times as games write them: RFC 3339 text with any offset, to epoch milliseconds (UTC).

Rules: `T`, `t` or one space between date and time; `Z`, `z` or `+hh:mm`; a fraction of any length is
cut (floored) to milliseconds; second 60 is the first millisecond of the next minute. No offset, no
time. `from_text` is the definition; `from_texts` answers the same for what it is sure of, and
leaves the rest to `from_text`.
"""

# ruff: noqa: PLR2004 - the numbers of the calendar are their own names

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

EARLIEST_MS = 0  # 1970-01-01T00:00:00Z
LATEST_MS = 4_291_747_199_999  # 2105-12-31T23:59:59.999Z, the last day that ClickHouse's DateTime holds whole
BEYOND_MS = 1 << 62  # stands for any number too long to be a time
AHEAD_MS = 300_000  # how far an event's time may be ahead of its record's Kafka timestamp

DAY_MS = 86_400_000
MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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
    in_range = 1 <= month <= 12 and day >= 1 and hour <= 23 and minute <= 59 and second <= 60
    if not in_range or offset_h > 23 or offset_m > 59 or day > _days_in(year, month):
        return None
    fraction_ms = 0 if second == 60 else int(((match[7] or "") + "000")[:3])
    offset_min = (offset_h * 60 + offset_m) * (-1 if match[8] == "-" else 1)
    minutes = hour * 60 + minute - offset_min
    return _days_since_epoch(year, month, day) * DAY_MS + minutes * 60_000 + second * 1000 + fraction_ms


def _days_in(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return int(MONTH_DAYS[month]) + leap


def _days_since_epoch(year: int, month: int, day: int) -> int:
    """Count days in the proleptic Gregorian calendar; years begin in March (Hinnant)."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468
