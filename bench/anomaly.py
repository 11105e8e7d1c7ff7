"""What the anomaly detector costs: samples a second on one core, one by one and in batches of many streams.

`python -m bench.anomaly` lets it see noise: one stream, a sample a call; then 1,000 streams in batches of
5,000 samples, which is how the flow calls it. CPU time is this thread's, the best of a few rounds; the first
call compiles and is not counted. Size is what a stream's state takes in a snapshot.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from models.anomaly import Streams

START_MS, EVERY_MS = 1_795_383_000_000, 10_000
STREAMS, SAMPLES, BATCH = 1_000, 500_000, 5_000
SINGLE = 20_000
ROUNDS = 3
LEAST_SINGLE_S, LEAST_BATCH_S = 50_000, 1_000_000


def one_by_one() -> int:
    """Score samples of one stream, each by its own call; gives how many."""
    streams, stream = Streams(1), np.zeros(1, np.int64)
    times = START_MS + np.arange(SINGLE) * EVERY_MS
    values = np.random.default_rng(1).normal(50, 3, SINGLE)
    for row in range(SINGLE):
        streams.score(stream, times[row : row + 1], values[row : row + 1])
    return SINGLE


def in_batches() -> int:
    """Score samples of all streams in turn, a batch a call; gives how many."""
    streams, rows = Streams(STREAMS), np.arange(SAMPLES)
    stream, times = rows % STREAMS, START_MS + rows // STREAMS * EVERY_MS
    values = np.random.default_rng(1).normal(50, 3, SAMPLES)
    for first in range(0, SAMPLES, BATCH):
        some = slice(first, first + BATCH)
        streams.score(stream[some], times[some], values[some])
    return SAMPLES


def best(work: Callable[[], int]) -> float:
    """Give the most samples a second of CPU time."""
    rates = []
    for _ in range(ROUNDS):
        begin = time.thread_time()
        rates.append(work() / (time.thread_time() - begin))
    return max(rates)


def main() -> int:
    """Measure, and say whether it is enough."""
    Streams(1).score(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1))
    single, batch = best(one_by_one), best(in_batches)
    size = (len(Streams(101).pack()) - len(Streams(1).pack())) // 100
    enough = single >= LEAST_SINGLE_S and batch >= LEAST_BATCH_S
    verdict = "OK" if enough else "FALLS SHORT"
    figures = f"one by one {single:,.0f} samples/s, in batches of {STREAMS:,} streams {batch:,.0f} samples/s"
    print(f"{verdict} {figures}, {size} bytes a stream")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
