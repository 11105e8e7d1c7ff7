"""The game servers: how many there are, and what is planted on them: outages and a leak.

Rules: each server reports once a second, or every 20 s in a run of few messages. An outage silences one
server for 90 s: the first one 20 s after the start, then one every five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from simulator.plan import SERVER_METRICS, Plan, names

MESSAGES = 50  # in so many messages one is a server's
FEWEST, MOST = 2, 400  # servers beside players
EVERY_MS, SELDOM_MS, FEW = (
    1_000,
    20_000,
    20,
)  # how often a server reports; below so many messages a second, seldom
ROOM = 1.5  # capacity, in players that a server has on average
FIRST_OUTAGE_MS, OUTAGE_EVERY_MS, SILENT_MS = 20_000, 300_000, 90_000


class Outage(NamedTuple):
    """A server's silence, epoch ms; `to_ms` is when it reports again."""

    server: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Servers:
    """All servers of a run; `leaky` is the row of the one that leaks, or -1."""

    plan: Plan
    ids: list[str]
    leaky: int
    capacity: int

    @property
    def count(self) -> int:
        """Count the servers."""
        return len(self.ids)

    @property
    def reports_a_second(self) -> float:
        """Give the messages of all of them in a second."""
        return self.count * 1000 / every_ms(self.plan.rate)

    def outages(self, until_ms: int) -> list[Outage]:
        """Name the outages that begin before an epoch ms."""
        first = self.plan.start_ms + FIRST_OUTAGE_MS
        starts = range(first, until_ms, OUTAGE_EVERY_MS) if self.plan.trouble.outage else range(0)
        which = self.plan.seed
        return [
            Outage((which + number * 7) % self.count, start, start + SILENT_MS)
            for number, start in enumerate(starts)
        ]


def servers(plan: Plan) -> Servers:
    """Make the servers of a run; alone they send all of its messages."""
    if plan.topics == (SERVER_METRICS,):
        count = max(1, plan.rate * every_ms(plan.rate) // 1000)
    else:
        count = max(FEWEST, min(plan.rate // MESSAGES, MOST))
    leaky = int(plan.random("leak").integers(count)) if plan.trouble.leak else -1
    return Servers(plan, list(names("server", count)), leaky, max(4, int(plan.seats * ROOM / count)))


def every_ms(rate: int) -> int:
    """Give the time between two reports of a server."""
    return SELDOM_MS if rate < FEW else EVERY_MS
