"""Marks of who watches a fleet: how many planted faults were told, how soon, and what was told for nothing.

Rules:
- A page is an alarm that opens, or that is told again because it got worse.
- A fault is found by a page about its server and a metric that it touches, from its onset until it has lasted
  as long as its sort is allowed: a spike's length and a minute more, half an hour of a step, all of the rest.
- A page that comes within no fault of its server, nor in the half hour after, is false: in restarts, matches,
  tournaments and holes too, from the first minute on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from models.server_alarm import HEARTBEAT
from simulator.faults import SORTS, Fault, Sort

AFTER_MS = 1_800_000  # things settle after a fault
MORE_MS, STEP_MS = 60_000, 1_800_000
DAY_MS = 86_400_000
ALLOWED: Mapping[Sort, str] = MappingProxyType(
    {
        "spike": "its length + 1 min",
        "step": "30 min",
        "flatline": "its length",
        "leak": "until it is full",
        "silence": "its length",
    }
)


class Page(NamedTuple):
    """Somebody is told: of which server and metric, what kind of alarm, and when (event time, epoch ms)."""

    server: int
    metric: str
    kind: str
    at_ms: int


class Found(NamedTuple):
    """A fault and how long it took to be told, ms; None: it never was."""

    fault: Fault
    delay_ms: int | None


@dataclass(frozen=True, slots=True)
class Marks:
    """One watcher's marks over some days of some servers."""

    name: str
    server_days: int
    found: tuple[Found, ...]
    false: tuple[Page, ...]

    @property
    def recall(self) -> float:
        """Give the share of the faults that were found; nothing to find is all found."""
        told = sum(one.delay_ms is not None for one in self.found)
        return told / len(self.found) if self.found else 1.0

    @property
    def false_a_day(self) -> float:
        """Give the false pages of one server on one day."""
        return len(self.false) / self.server_days

    def of(self, sort: Sort) -> tuple[int, float | None]:
        """Give how many faults of a sort were found, and the median delay in seconds."""
        delays = [
            one.delay_ms / 1000 for one in self.found if one.fault.sort == sort and one.delay_ms is not None
        ]
        return len(delays), median(delays) if delays else None

    def beats(self, other: Marks) -> bool:
        """Tell whether these are better, both ways."""
        return self.recall > other.recall and self.false_a_day < other.false_a_day


def marked(name: str, pages: Iterable[Page], faults: Sequence[Fault], server_days: int) -> Marks:
    """Compare what was told with what was planted."""
    of_server: dict[int, list[Fault]] = {}
    for fault in faults:
        of_server.setdefault(fault.server, []).append(fault)
    first: dict[Fault, int] = {}
    false = []
    for page in sorted(pages, key=lambda one: one.at_ms):
        near = [
            one for one in of_server.get(page.server, ()) if one.from_ms <= page.at_ms < one.to_ms + AFTER_MS
        ]
        if not near:
            false.append(page)
        for fault in near:
            if tells(page, fault):
                first.setdefault(fault, page.at_ms - fault.from_ms)
    found = tuple(Found(fault, first.get(fault)) for fault in faults)
    return Marks(name, server_days, found, tuple(false))


def tells(page: Page, fault: Fault) -> bool:
    """Tell whether a page is about a fault of its server, and in time."""
    metrics = fault.touches or (HEARTBEAT,)
    return page.metric in metrics and fault.from_ms <= page.at_ms < in_time_ms(fault)


def in_time_ms(fault: Fault) -> int:
    """Give when it is too late to tell of a fault, epoch ms."""
    if fault.sort == "spike":
        return fault.to_ms + MORE_MS
    return min(fault.to_ms, fault.from_ms + STEP_MS) if fault.sort == "step" else fault.to_ms


def by_sort(faults: Iterable[Fault]) -> Iterator[tuple[Sort, int]]:
    """Count faults by sort, in order."""
    every = [fault.sort for fault in faults]
    yield from ((sort, every.count(sort)) for sort in SORTS)
