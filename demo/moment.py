"""All that a demo shows at once, and how names, amounts and durations are written for people.

Rules: names come from events, so control characters in them are shown, never sent to the terminal. Figures
get shorter, not wider, once they would not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from demo.figures import Figures, Tally

NOTHING = "-"
MILLION = 1_000_000
LONGEST_NAME = 24
LONG_S = 1000  # from here on without tenths


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one flow is: messages a second into its tables; how far it trails now in event time."""

    rate: float
    behind_s: float | None  # None: not known yet


@dataclass(frozen=True, slots=True)
class Moment:
    """All that is shown at once; rates are messages a second."""

    traffic_s: float
    limit_s: float | None
    in_kafka: int
    in_rate: float
    paces: Mapping[str, Pace]  # by flow
    figures: Figures
    webhooks: Tally = field(default_factory=Tally)
    trouble: str = ""
    ended: bool = False  # the traffic; what was sent is still being read


def shown(name: str) -> str:
    r"""Make a name from an event harmless.

    >>> shown("level_01"), shown("bad\x1b[2J")
    ('level_01', 'bad·[2J')

    """
    return printable(name[:LONGEST_NAME])


def printable(text: str) -> str:
    """Make a text harmless, however long it is."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds.

    >>> clock(7.9), clock(725)
    ('0:07', '12:05')

    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def count(number: int) -> str:
    """Write a count in at most 7 letters.

    >>> count(999_999), count(12_345_678)
    ('999,999', '12.35M')

    """
    return f"{number:,}" if abs(number) < MILLION else f"{number / MILLION:,.2f}M"


def amount(money: Decimal) -> str:
    """Write money in at most 12 letters; the live view needs no more than cents.

    >>> amount(Decimal("1234.5678")), amount(Decimal("12345678.9"))
    ('1,234.57', '12.3M')

    """
    return f"{money:,.2f}" if abs(money) < 10 * MILLION else f"{money / MILLION:,.1f}M"


def seconds(duration: float | None) -> str:
    """Write seconds in at most 7 letters; None is not known.

    >>> seconds(2.345), seconds(None)
    ('2.3 s', '-')

    """
    if duration is None:
        return NOTHING
    return f"{duration:,.1f} s" if duration < LONG_S else f"{duration:,.0f} s"
