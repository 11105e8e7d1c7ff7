"""Which flows a demo runs, and what they read: the three use cases, and the archive beside them.

Rules: the use cases start first and together; what nobody waits to see starts once they have shown a row.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.plan import PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, TOPICS


@dataclass(frozen=True, slots=True)
class Stream:
    """One flow, its topics, and the window sizes of its books (0: it has no windows)."""

    flow: str
    topics: tuple[str, ...]
    windows_s: tuple[int, ...]


FINEST_S = 10  # the smallest window: every good event counts once in these rows
WINDOWS_S = (FINEST_S, 60)
USE_CASES = (
    Stream("engagement", (PLAYER_EVENTS,), WINDOWS_S),
    Stream("purchases", (PURCHASE_EVENTS,), WINDOWS_S),
    Stream("server_health", (SERVER_METRICS,), WINDOWS_S),
)
ARCHIVE = Stream("archive", TOPICS, (0,))
STREAMS = (*USE_CASES, ARCHIVE)
