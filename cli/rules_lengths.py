"""Lengths of time, and how many alerts a day that makes."""

from __future__ import annotations

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


def a_day(alerts: int, span_ms: tuple[int, int]) -> float | None:
    """Give alerts a day; None for less than an hour, of which a day says nothing.

    >>> a_day(6, (0, 2 * DAY_MS)), a_day(1, (0, 1000))
    (3.0, None)

    """
    length_ms = span_ms[1] - span_ms[0]
    return alerts * DAY_MS / length_ms if length_ms >= HOUR_MS else None


def length(ms: int) -> str:
    """Say how long a time is.

    >>> length(2 * DAY_MS), length(3 * HOUR_MS), length(90_500)
    ('2.0 days', '3.0 hours', '90 seconds')

    """
    if ms >= 2 * DAY_MS:
        return f"{ms / DAY_MS:.1f} days"
    return f"{ms / HOUR_MS:.1f} hours" if ms >= 2 * HOUR_MS else f"{ms // 1000} seconds"
