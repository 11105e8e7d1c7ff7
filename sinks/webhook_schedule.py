"""When a message is tried again, and how long an endpoint that fails is left alone.

Rules: pure; times are epoch milliseconds, chance is an argument. A message is tried once at once and once
after each wait; who asks for more time (`retry-after`) gets it, up to a day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random

SECOND_MS = 1_000
WAITS_S = (0.0, 5.0, 30.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
JITTER = 0.2  # a wait is this much longer or shorter at most
LONGEST_ASKED_MS = 86_400_000
MOST_DIGITS = 12
FAILURES = 5  # in a row, until an endpoint is left alone


@dataclass(frozen=True, slots=True)
class Schedule:
    """The waits before each try of a message."""

    waits_s: tuple[float, ...] = WAITS_S
    jitter: float = JITTER

    def next_ms(self, tries: int, now_ms: int, random: Random) -> int | None:
        """Say when a message that failed so many times is tried again; None: never.

        >>> Schedule(jitter=0).next_ms(3, 1_000, Random(1))
        301000

        """
        if tries >= len(self.waits_s):
            return None
        by = 1 + random.uniform(-self.jitter, self.jitter)
        return now_ms + round(self.waits_s[tries] * by * SECOND_MS)

    @property
    def span_ms(self) -> int:
        """Give the time after which all tries of a message can have been made."""
        return round(sum(self.waits_s) * (1 + self.jitter) * SECOND_MS)


@dataclass(frozen=True, slots=True)
class Rests:
    """How long an endpoint that failed several times in a row is left alone: twice as long each time."""

    first_s: float = 5.0
    longest_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One endpoint's state: closed, or left alone until a time; then one message tries it."""

    failures: int = 0
    until_ms: int = 0
    why: str = ""

    def state(self, now_ms: int) -> str:
        """Name the state: closed, paused (it asked for time) or open (it fails)."""
        if self.failures >= FAILURES:
            return "open"
        return "paused" if now_ms < self.until_ms else "closed"

    def room(self, now_ms: int, under_way: int, most: int) -> int:
        """Say how many messages may start."""
        if now_ms < self.until_ms:
            return 0
        return max((1 if self.failures >= FAILURES else most) - under_way, 0)

    def answered(self, now_ms: int) -> Breaker:
        """Note that the endpoint does its work; time that it asked for is still given."""
        return replace(self, failures=0) if self.state(now_ms) == "paused" else Breaker()

    def failed(self, now_ms: int, why: str, rests: Rests, random: Random) -> Breaker:
        """Count a failure; those that began before the rest do not lengthen it."""
        if now_ms < self.until_ms and self.failures >= FAILURES:
            return self
        failures = self.failures + 1
        if failures < FAILURES:
            return replace(self, failures=failures)
        longest = min(rests.first_s * 2.0 ** min(failures - FAILURES, 30), rests.longest_s)
        wait_s = longest * (1 + random.uniform(-JITTER, JITTER))
        return Breaker(failures, max(self.until_ms, now_ms + round(wait_s * SECOND_MS)), why)

    def asked(self, until_ms: int, why: str) -> Breaker:
        """Leave the endpoint alone as long as it asked for."""
        return self if until_ms <= self.until_ms else replace(self, until_ms=until_ms, why=why)


def asked_ms(retry_after: str, now_ms: int) -> int | None:
    """Read `retry-after`, seconds or a date, as a wait; None when it says nothing.

    >>> asked_ms("120", 0), asked_ms("Thu, 01 Jan 1970 00:01:00 GMT", 0), asked_ms("soon", 0)
    (120000, 60000, None)

    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        wait_ms = int(text[:MOST_DIGITS]) * SECOND_MS
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        wait_ms = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000) - now_ms
    return min(max(wait_ms, 0), LONGEST_ASKED_MS)
