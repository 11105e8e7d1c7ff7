"""How far a partition has come, for what must be ordered over partitions and must not wait for a wrong clock.

Rules: the running maximum of event times, where a time counts no later than its record's Kafka time: it
follows from the log alone, never falls, and a device whose clock is ahead moves nobody.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def seen_ms(before_ms: int, time_ms: Ints, kafka_ms: Ints) -> Ints:
    """Give for each row, in offset order, how far its partition has come with it (epoch ms).

    >>> seen_ms(5, np.array([4, 9, 7]), np.array([6, 8, 9])).tolist()
    [5, 8, 8]

    """
    newest = np.maximum.accumulate(np.concatenate(([before_ms], np.minimum(time_ms, kafka_ms))))
    found: Ints = newest[1:]
    return found
