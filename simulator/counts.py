"""How many messages of each kind were sent, by topic, and for which reason the bad ones are bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from simulator.batch import Batch
from simulator.malformed import reason_of
from simulator.plan import KINDS, MALFORMED


class Counts:
    """Counts batches one by one."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.kinds: dict[str, Counter[str]] = {topic: Counter() for topic in topics}
        self.reasons: dict[str, Counter[str]] = {topic: Counter() for topic in topics}

    @property
    def total(self) -> int:
        """Count all messages."""
        return sum(kinds.total() for kinds in self.kinds.values())

    def add(self, batches: Iterable[Batch]) -> None:
        """Count messages that were sent."""
        for batch in batches:
            found = np.bincount(batch.facts["kind"].to_numpy(), minlength=len(KINDS)).tolist()
            self.kinds[batch.topic].update(dict(zip(KINDS, found, strict=True)))
            if found[MALFORMED]:
                faults = batch.facts.filter(pl.col("kind") == MALFORMED)["fault"].to_list()
                self.reasons[batch.topic].update(reason_of(batch.topic, fault) for fault in faults)

    def lines(self) -> list[str]:
        """Say it, a line a topic."""
        return [
            f"{topic}: {kinds.total():,} ({', '.join(f'{kinds[kind]:,} {kind}' for kind in KINDS)})"
            for topic, kinds in self.kinds.items()
        ]
