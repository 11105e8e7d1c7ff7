"""Whether a figure stays flat: the level of the last third of its time against that of the first third.

Rules: levels are medians, so a spike is no growth; the slope is by least squares, told and not judged, since
it says little of a short time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median
from typing import NamedTuple

HOUR_S = 3600.0
FEWEST = 9  # points, three in each third


class Point(NamedTuple):
    """A figure at a moment, in seconds since the start."""

    at_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Bound:
    """How much a figure may grow: so much, or that share of its level, whichever is more."""

    by: float
    share: float


@dataclass(frozen=True, slots=True)
class Flat:
    """How a figure went over one life of a process."""

    what: str
    of: str
    seconds: float
    first: float
    last: float
    highest: float
    per_hour: float
    flat: bool

    def __str__(self) -> str:
        """Say it in one line."""
        levels = f"{self.first:8.1f} -> {self.last:8.1f}  highest {self.highest:8.1f}"
        return (
            f"{self.what:<12} {self.of:<14} {levels}  {self.per_hour:+8.1f} an hour "
            f"over {self.seconds:4.0f} s  {'flat' if self.flat else 'GROWS'}"
        )


def settled(life: Sequence[Point], warm_up_s: float) -> Sequence[Point]:
    """Leave out the warm-up of the run and of the life itself: a new process fills up anew.

    >>> [point.at_s for point in settled([Point(at, 1) for at in range(0, 100, 10)], 20)]
    [30, 40, 50, 60, 70, 80, 90]

    """
    if not life:
        return life
    quarter = life[0].at_s + (life[-1].at_s - life[0].at_s) / 4
    return [point for point in life if point.at_s >= max(warm_up_s, quarter)]


def judge(what: str, of: str, points: Sequence[Point], bound: Bound) -> Flat | None:
    """Judge a settled life; None when it is too short.

    >>> judge("memory", "kafka", [Point(at, 100 + at) for at in range(9)], Bound(by=5, share=0)).flat
    False
    >>> judge("memory", "kafka", [Point(at, 100 + at % 2) for at in range(9)], Bound(by=5, share=0)).flat
    True

    """
    if len(points) < FEWEST:
        return None
    third = len(points) // 3
    first = median(point.value for point in points[:third])
    last = median(point.value for point in points[-third:])
    slope, _ = linear_regression([point.at_s for point in points], [point.value for point in points])
    return Flat(
        what=what,
        of=of,
        seconds=points[-1].at_s - points[0].at_s,
        first=first,
        last=last,
        highest=max(point.value for point in points),
        per_hour=round(slope * HOUR_S, 2),
        flat=last - first <= max(bound.by, bound.share * first),
    )
