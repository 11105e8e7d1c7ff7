"""One run of the simulator: its messages until done or told to stop, and what is kept about them.

Rules: what was handed out is counted, and nothing else; so the truth is complete whenever a run ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.batch import Block, first_of, size
from simulator.pace import paced
from simulator.plan import Plan
from simulator.traffic import Traffic

LONGEST_NAP_S = 0.05


@dataclass(slots=True)
class Stop:
    """Whether a signal told us to stop; a handler may set it at any moment, which no lock survives."""

    told: bool = False

    def wait(self, seconds: float) -> bool:
        """Wait, but only as long as a person does not notice; True to stop."""
        time.sleep(min(seconds, LONGEST_NAP_S))
        return self.told


class Run:
    """One run as it was asked for; `events` None: until told to stop; `live`: at the clock's speed."""

    def __init__(self, plan: Plan, events: int | None = None, *, live: bool) -> None:
        self.traffic = Traffic(plan)
        self.plan = plan
        self.events = events
        self.live = live

    def blocks(self, stop: Stop) -> Iterator[Block]:
        """Give the run's messages until `stop` is set."""
        every = self.traffic.blocks()
        if self.live:
            every = paced(every, self.plan.start_ms * 1000, time.monotonic, stop.wait)
        left = self.events
        for block in every:
            if stop.told:
                return
            part = block if left is None else first_of(block, left)
            yield part
            if left is not None:
                left -= size(part)
                if not left:
                    return
