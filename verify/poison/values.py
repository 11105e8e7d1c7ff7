"""Times and money read by Python's own `datetime` and `decimal`, told as a value or the reason against it.

Rules: shares nothing with `topics/`; a wrong value is the reason's name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

LAST_MS = 4_291_747_199_999  # 2105-12-31T23:59:59.999Z
LIMIT = Decimal(10**12)
FOUR_DECIMALS = -4
CYCLE_YEARS, CYCLE_MS = 400, 146_097 * 86_400_000  # the calendar repeats
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STAMP = re.compile(
    r"(\d{4})(-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def time_of(text: str) -> int | None:
    """Read RFC 3339; epoch ms, None when it is none.

    >>> time_of("1970-01-01T01:00:00.0129+01:00"), time_of("2026-02-30T00:00:00Z")
    (12, None)
    """
    found = STAMP.fullmatch(text)
    if found is None:
        return None
    year, day, clock, second, fraction, sign, hours, minutes = found.groups()
    cycles = (int(year) - 2000) // CYCLE_YEARS  # datetime knows no year 0 and nothing after 9999
    leap = second == "60"
    try:
        zone = timezone(timedelta(hours=int(hours or 0)) + timedelta(minutes=int(minutes or 0)))
        at = datetime.fromisoformat(
            f"{int(year) - cycles * CYCLE_YEARS}{day}T{clock}{'59' if leap else second}+00:00"
        )
    except ValueError:
        return None
    if int(minutes or 0) >= 60:  # noqa: PLR2004 - minutes of an hour
        return None
    offset = zone.utcoffset(None) * (-1 if sign == "-" else 1)
    ms = (at - offset - EPOCH) // timedelta(milliseconds=1) + cycles * CYCLE_MS
    return ms + (1000 if leap else int(((fraction or "") + "000")[:3]))


def time_in_range(ms: int) -> int | str:
    """Refuse what lies outside 1970-2105."""
    if ms < 0:
        return "time_too_old"
    return ms if ms <= LAST_MS else "time_future"


def money_of(text: str) -> Decimal | str:
    """Read an amount by value.

    >>> money_of("1.50000"), money_of("1e2"), money_of("0.00001"), money_of("free")
    (Decimal('1.50000'), Decimal('1E+2'), 'field_range', 'field_type')
    """
    if not text.isascii() or set(text) & set("_ \t\n\r\f\v"):
        return "field_type"
    try:
        amount = Decimal(text)
    except InvalidOperation:  # also an exponent that decimal cannot hold
        found = AMOUNT.fullmatch(text)
        if found is None:
            return "field_type"
        return "field_range" if set(found[1]) - set("0.") else Decimal(0)
    if not amount.is_finite():
        return "field_range"
    if not amount:
        return Decimal(0)
    fits = 0 < amount < LIMIT and _decimals(amount) >= FOUR_DECIMALS
    return amount if fits else "field_range"


def _decimals(amount: Decimal) -> int:
    """Give the power of ten of the last digit that is not 0."""
    _, digits, exponent = amount.as_tuple()
    text = "".join(map(str, digits))
    return int(exponent) + len(text) - len(text.rstrip("0"))
