"""What happens to messages on their way: some come late, twice, or broken.

Rules: a message is held back in a pool until it is due, so a late one keeps its true time and a duplicate is
the same facts again. Late and *beyond* ones come from clients with a right clock only: then late is always
well within the allowed lateness of 10 minutes, and beyond always behind it, whatever other clients say.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from simulator.malformed import BROKEN_CLOCK, FAULTS, LINELESS, SOUND
from simulator.plan import BEYOND, DUPLICATE, GOOD, LATE, MALFORMED, Bools, Floats, Ints, Plan
from simulator.players import BROKEN_MS

LATE_US = 5_000_000  # at least; and at most 60 times as much
LATE_SPREAD = 60.0
BEYOND_MS = (15 * 60_000, 60 * 60_000)
BEYOND_AFTER = 2_000  # messages: before, a partition may have no watermark that an event could be behind
DUPLICATE_WITHIN = 5_000  # messages
LONGEST_DUPLICATE_US = 60_000_000
USUAL_DELAY_US, LONGEST_DELAY_US = 120_000, 1_500_000  # from the client to Kafka


class Mishaps:
    """One topic's messages on their way."""

    def __init__(self, plan: Plan, topic: str) -> None:
        self.trouble = plan.trouble
        self.random = plan.random(f"mishaps {topic}")
        self.faults = (LINELESS if plan.lines else 0, len(FAULTS[topic]))
        self.duplicate_us = min(DUPLICATE_WITHIN * 1_000_000 // plan.rate, LONGEST_DUPLICATE_US)
        self.seen = 0
        self.pool = pl.DataFrame()

    def after(self, facts: pl.DataFrame, until_us: int) -> pl.DataFrame:
        """Take what happened, with `happened_us` and `skew_ms`; give what is due before `until_us`, in order.

        Instead of those two it has `at_ms` (the time that the message tells), `due_us`, `kind` and `fault`.
        """
        befallen = self._befall(facts)
        parts = [self.pool, befallen, self._again(befallen)]
        pool = pl.concat(part for part in parts if part.width)
        self.seen += facts.height
        due = pool["due_us"] < until_us
        self.pool = pool.filter(~due)
        return pool.filter(due).sort("due_us", maintain_order=True)

    def _befall(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Give every message its fate."""
        fate, much, delay = self.random.random((3, facts.height))
        happened_us, skew_ms = facts["happened_us"].to_numpy(), facts["skew_ms"].to_numpy()
        delay_us = (np.log1p(-delay) * -USUAL_DELAY_US).astype(np.int64).clip(max=LONGEST_DELAY_US)
        at_ms, due_us = happened_us // 1000 + skew_ms, happened_us + delay_us
        kind, fault = self._kinds(fate, skew_ms)
        late, beyond = np.flatnonzero(kind == LATE), np.flatnonzero(kind == BEYOND)
        due_us[late] += (LATE_US * LATE_SPREAD ** much[late]).astype(np.int64)
        at_ms[beyond] -= between(*BEYOND_MS, much[beyond])
        broken = np.flatnonzero(fault >= 0)
        fault[broken] = between(*self.faults, much[broken])
        told = {"at_ms": at_ms, "due_us": due_us, "kind": kind, "fault": fault}
        more = [pl.Series(name, values) for name, values in told.items()]
        return facts.drop("happened_us", "skew_ms").with_columns(more)

    def _kinds(self, fate: Floats, skew_ms: Ints) -> tuple[Ints, Ints]:
        trouble, right = self.trouble, skew_ms == 0
        kind, fault = np.full(fate.size, GOOD), np.full(fate.size, SOUND)
        no_clock: Bools = skew_ms == BROKEN_MS
        kind[no_clock], fault[no_clock] = MALFORMED, BROKEN_CLOCK
        upto_late = trouble.malformed + trouble.late
        kind[right & (fate < upto_late)] = LATE
        may_be_beyond = right & (self.seen + np.arange(fate.size) > BEYOND_AFTER)
        kind[may_be_beyond & (fate >= upto_late) & (fate < upto_late + trouble.beyond)] = BEYOND
        malformed = fate < trouble.malformed
        kind[malformed], fault[malformed] = MALFORMED, 0
        return kind, fault

    def _again(self, sent: pl.DataFrame) -> pl.DataFrame:
        """Send some good messages a second time, soon after."""
        luck, wait = self.random.random((2, sent.height))
        some = (sent["kind"] == GOOD).to_numpy() & (luck < self.trouble.duplicate)
        copies = sent.filter(some)
        due_us = copies["due_us"].to_numpy() + 1 + (wait[some] * self.duplicate_us).astype(np.int64)
        kind = pl.lit(DUPLICATE, pl.Int64).alias("kind")
        return copies.with_columns(pl.Series("due_us", due_us), kind)


def between(least: int, most: int, much: Floats) -> Ints:
    """Give whole numbers from `least` up to but not `most`, by how much (0-1) of the way."""
    return least + (much * (most - least)).astype(np.int64)
