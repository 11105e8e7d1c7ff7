"""What an outage does to players: some leave, the others wait without a word, and nobody buys.

Rules: who leaves follows from the player and the outage, so it takes no random number. Who leaves says so at
the next step that would have been theirs; who waits goes on where they were. Who has not begun yet waits too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.plan import Bools, Ints
from simulator.servers import Outage

NONE = 0
LEAVE = 60  # players of 100
SPREAD = 2_654_435_761  # 2^32 divided by the golden ratio: scatters neighbours


def began_ms(outages: Sequence[Outage], server: Ints, at_us: Ints) -> Ints:
    """Say which outage each server is in at its moment: when that began (epoch ms), or `NONE`."""
    found = np.full(server.size, NONE)
    for of in outages:
        found[(server == of.server) & (at_us >= of.from_ms * 1000) & (at_us < of.to_ms * 1000)] = of.from_ms
    return found


def leaves(player: Ints, outage_ms: Ints) -> Bools:
    """Flag the players who leave the outage that began then.

    >>> flags = leaves(np.arange(1000), np.full(1000, 1_767_225_620_000))
    >>> int(flags.sum()), flags[:4].tolist()
    (600, [True, True, False, True])
    """
    scattered = (player + outage_ms // 1000) * SPREAD % (1 << 32)
    found: Bools = scattered * 100 >> 32 < LEAVE
    return found
