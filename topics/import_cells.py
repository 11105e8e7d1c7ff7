"""What the cells of an imported table mean: counts, names, days and moments.

Rules:
- Blanks around a cell do not count. A cell has one meaning or none; what has none comes with the reason.
- A count is a whole number from 0 to 100,000, also as `3.0`.
- A moment is a time with or without an offset (none: UTC), a date (its first millisecond), epoch seconds
  (9 or 10 digits) or epoch milliseconds (12 or 13 digits).
- A day is the UTC day of a moment, `YYYYMMDD`, or a plain day number of up to 5 digits, which comes as
  `NUMBERED` + number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from topics.times import DAY_MS, EARLIEST_MS, LATEST_MS, from_text

MOST_TRIES = 100_000  # of a player on a level in a day; more is a mistake
LONGEST_NAME = 1_000  # characters of a player, level or session
NUMBERED = 1_000_000  # day numbers stand above all days since 1970
WHOLE = re.compile(r"([0-9]+)(?:\.0*)?")
BELOW_ZERO = re.compile(r"-[0-9]+(?:\.[0-9]*)?")
TAILS = ("", "Z", ":00Z", "T00:00:00Z")  # what a moment may lack
SECONDS, MILLISECONDS, COMPACT, MOST_DIGITS = (9, 10), (12, 13), 8, 5  # digits
A_MOMENT = "is no time like 2026-01-31T18:00:00Z, and no epoch seconds or milliseconds"
A_DAY = "is no day like 2026-01-31, no time, and no day number"


class Read(NamedTuple):
    """A column that was read: what each cell means, else null; and why not, else null."""

    values: pl.Series
    problems: pl.Series


def names(cells: pl.Series) -> Read:
    """Read ids: any text but none."""
    values = cells.str.strip_chars()
    length = values.str.len_chars()
    problems = (
        pl.when(length == 0)
        .then(pl.lit("is empty"))
        .when(length > LONGEST_NAME)
        .then(pl.lit(f"is longer than {LONGEST_NAME:,} characters"))
    )
    return Read(values, pl.select(problems).to_series())


def counts(cells: pl.Series) -> Read:
    """Read counts."""
    return _by_meaning(cells, count_of)


def days(cells: pl.Series, today: int) -> Read:
    """Read days before `today`: days since 1970, or `NUMBERED` + day number."""
    return _by_meaning(cells, lambda text: _over(day_of(text), today))


def moments(cells: pl.Series, now_ms: int) -> Read:
    """Read moments up to now, epoch ms."""
    return _by_meaning(cells, lambda text: _past(moment_of(text), now_ms))


def count_of(text: str) -> int | str:
    """Read a count; else say what is wrong.

    >>> count_of("3.0"), count_of("-1"), count_of("3.5")
    (3, 'is negative', 'is no whole number')
    """
    if not text:
        return "is empty"
    match = WHOLE.fullmatch(text)
    if match is None:
        return "is negative" if BELOW_ZERO.fullmatch(text) else "is no whole number"
    digits = match[1].lstrip("0") or "0"
    too_many = len(digits) > len(str(MOST_TRIES)) or int(digits) > MOST_TRIES
    return f"is more than {MOST_TRIES:,}" if too_many else int(digits)


def day_of(text: str) -> int | str:
    """Read a day; else say what is wrong.

    >>> day_of("1970-01-02"), day_of("19700103"), day_of("1970-01-04 23:30:00+01:00"), day_of("7") - NUMBERED
    (1, 2, 3, 7)
    """
    match = WHOLE.fullmatch(text)
    digits = match[1] if match else ""
    if digits and len(digits) <= MOST_DIGITS:
        return NUMBERED + int(digits)
    if len(digits) == COMPACT:
        moment = moment_of(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    else:
        moment = moment_of(text)
    if isinstance(moment, str):
        return moment if moment != A_MOMENT else A_DAY
    return moment // DAY_MS


def moment_of(text: str) -> int | str:
    """Read a moment, epoch ms; else say what is wrong.

    >>> moment_of("1970-01-01 00:00:01"), moment_of("1389744000"), moment_of("yesterday")[:10]
    (1000, 1389744000000, 'is no time')
    """
    if not text:
        return "is empty"
    ms: int | None = None
    match = WHOLE.fullmatch(text)
    if match is None:
        plain = text.removesuffix(" UTC")
        ms = next((ms for tail in TAILS if (ms := from_text(plain + tail)) is not None), None)
    elif len(match[1]) in SECONDS:
        ms = int(match[1]) * 1000
    elif len(match[1]) in MILLISECONDS:
        ms = int(match[1])
    if ms is None:
        return A_MOMENT
    return ms if EARLIEST_MS <= ms <= LATEST_MS else "is before 1970 or after 2105"


def _over(day: int | str, today: int) -> int | str:
    if isinstance(day, str) or day < today or day >= NUMBERED:
        return day
    return (
        "is a day in the future" if day > today else "is a day that is not over yet (UTC): import it tomorrow"
    )


def _past(moment: int | str, now_ms: int) -> int | str:
    return moment if isinstance(moment, str) or moment <= now_ms else "is in the future"


def _by_meaning(cells: pl.Series, meaning: Callable[[str], int | str]) -> Read:
    """Ask for the meaning of each distinct cell once."""
    texts = cells.str.strip_chars()
    known = texts.unique()
    means = [meaning(text) for text in known.to_list()]
    at = texts.replace_strict(known, pl.int_range(known.len(), eager=True)).cast(pl.UInt32)
    values = pl.Series([of if isinstance(of, int) else None for of in means], dtype=pl.Int64)
    problems = pl.Series([of if isinstance(of, str) else None for of in means], dtype=pl.String)
    return Read(values.gather(at), problems.gather(at))
