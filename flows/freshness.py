"""How fresh the rows in ClickHouse are: the newest event time that they must hold by now.

Rules: nothing on the way of an event is touched. What was handed to the windows `upsert_every` before
the oldest unacknowledged row came is in acknowledged rows; so each look is noted with its time, and the
newest event time at that earlier moment is what readers see at least.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from sources.figures import PartitionFigures

MOST = 2_000  # looks that are kept of a partition

Place = tuple[str, int]


class Freshness:
    """Remembers the newest event time of each partition look by look; one thread at a time."""

    def __init__(self) -> None:
        self._seen: dict[Place, deque[tuple[float, int]]] = {}

    def note(self, now_s: float, partitions: Iterable[PartitionFigures]) -> None:
        """Note a look."""
        for of in partitions:
            if of.newest_ms is None:
                continue
            seen = self._seen.setdefault((of.topic, of.partition), deque(maxlen=MOST))
            if not seen or seen[-1][1] != of.newest_ms:
                seen.append((now_s, of.newest_ms))

    def shown_ms(self, of: PartitionFigures, before_s: float) -> int | None:
        """Give a partition's newest event time as known at `before_s`; None: nothing known so early."""
        seen = self._seen.get((of.topic, of.partition), deque())
        while len(seen) > 1 and seen[1][0] <= before_s:
            seen.popleft()
        return seen[0][1] if seen and seen[0][0] <= before_s else None
