"""Which flows a demo runs, and what they read: the four use cases, and the archive beside them.

Rules: what shows the first row starts first and together; what nobody waits to see starts once there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.plan import PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, TOPICS


@dataclass(frozen=True, slots=True)
class Stream:
    """One flow, its topics, and the window sizes of its books (0: it has no windows).

    A flow that starts `later` waits for the first row; one that `keeps_all` keeps duplicates and late events.
    """

    flow: str
    topics: tuple[str, ...]
    windows_s: tuple[int, ...]
    later: bool = False
    keeps_all: bool = False


FINEST_S = 10  # the smallest window: every good event counts once in these rows
WINDOWS_S = (FINEST_S, 60)
USE_CASES = (
    Stream("engagement", (PLAYER_EVENTS,), WINDOWS_S),
    Stream("purchases", (PURCHASE_EVENTS,), WINDOWS_S),
    Stream("server_health", (SERVER_METRICS,), WINDOWS_S),
    Stream("fraud", (PURCHASE_EVENTS,), (0,), later=True),
)
ARCHIVE = Stream("archive", TOPICS, (0,), later=True, keeps_all=True)
STREAMS = (*USE_CASES, ARCHIVE)
