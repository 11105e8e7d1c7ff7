"""Messages ready to be sent, with the facts that they tell.

Rules: a batch holds messages of one topic in the order in which they are sent; row k of `facts` is what
is true about message k. Facts of every topic: at_ms, due_us, kind, fault, number; besides, player, session,
action (player-events), player, offer (purchase-events), server and its loads in thousandths (server-metrics).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from simulator.plan import Ints


@dataclass(frozen=True)
class Batch:
    """Some messages of one topic."""

    topic: str
    facts: pl.DataFrame
    keys: list[bytes]
    values: list[bytes | None]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def due_us(self) -> Ints:
        """When each message is sent, epoch microseconds, ascending."""
        return self.facts["due_us"].to_numpy()

    def part(self, first: int, last: int) -> Batch:
        """Take the messages from `first` up to but not `last`."""
        if (first, last) == (0, len(self)):
            return self
        return Batch(self.topic, self.facts[first:last], self.keys[first:last], self.values[first:last])


Block = tuple[Batch, ...]  # one batch a topic, over the same time


def size(block: Iterable[Batch]) -> int:
    """Count the messages."""
    return sum(map(len, block))


def order(block: Block) -> tuple[Ints, Ints]:
    """Give the order in which a block's messages are sent: which batch, and which message of it."""
    due_us = np.concatenate([batch.due_us for batch in block])
    which = np.repeat(np.arange(len(block)), [len(batch) for batch in block])
    row = np.concatenate([np.arange(len(batch)) for batch in block])
    by_time = np.argsort(due_us, kind="stable")
    return which[by_time], row[by_time]


def first_of(block: Block, count: int) -> Block:
    """Take the `count` messages that are sent first."""
    if size(block) <= count:
        return block
    taken = np.bincount(order(block)[0][:count], minlength=len(block))
    return tuple(batch.part(0, int(last)) for batch, last in zip(block, taken, strict=True))


def until(block: Block, first: list[int], due_us: int) -> tuple[Block, list[int]]:
    """Take what is due before a time, from the messages at `first` on; and where the rest begins."""
    last = [int(np.searchsorted(batch.due_us, due_us)) for batch in block]
    last = [max(one, other) for one, other in zip(first, last, strict=True)]
    return tuple(batch.part(a, b) for batch, a, b in zip(block, first, last, strict=True)), last
