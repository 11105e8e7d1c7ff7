"""The rhythm of a day: how many of the busiest hour's players are there.

Rules: most play at 20:00 UTC, fewest at 08:00; between them it goes like a wave.
"""

from __future__ import annotations

from math import cos, pi

DAY_MS = 86_400_000
BUSIEST_MS = 20 * 3_600_000
QUIETEST = 0.25  # share of the busiest hour


def busy_share(at_ms: int) -> float:
    """Give the share (0-1) of the busiest hour's traffic at an epoch ms.

    >>> busy_share(BUSIEST_MS), busy_share(BUSIEST_MS + DAY_MS // 2)
    (1.0, 0.25)
    """
    wave = cos((at_ms - BUSIEST_MS) % DAY_MS / DAY_MS * 2 * pi)
    return (1 + QUIETEST) / 2 + wave * (1 - QUIETEST) / 2
