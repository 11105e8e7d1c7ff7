"""Many seeds over many processes, and what they came to."""

from __future__ import annotations

import gc
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from verify.simulation.run import Outcome, run
from verify.simulation.scenario import story_of

CHUNK = 20  # seeds that a process is given at once
MEMORY = Path("/dev/shm")  # noqa: S108  where files are memory; recovery stores are many and small


@dataclass(slots=True)
class Tally:
    """What some seeds came to: the wrong ones, and how much happened in all."""

    seeds: int = 0
    wrong: dict[int, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add others."""
        self.seeds += other.seeds
        self.wrong |= other.wrong
        self.counts += other.counts


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for recovery stores that is gone afterwards."""
    where = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="gamewax-simulate-", dir=where) as folder:
        yield Path(folder)


def run_seed(seed: int, folder: Path) -> Outcome:
    """Let one seed's story happen."""
    return run(story_of(seed), folder)


def some(seeds: Sequence[int]) -> Tally:
    """Run some seeds in this process."""
    tally = Tally()
    with scratch() as folder:
        for seed in seeds:
            outcome = run_seed(seed, folder)
            tally.add(Tally(1, {seed: outcome.wrong} if outcome.wrong else {}, outcome.counts))
    return tally


def many(seeds: range, jobs: int) -> Iterator[Tally]:
    """Run seeds over processes; gives the tallies as they come.

    The processes read POLARS_MAX_THREADS when they start: more threads than one only get in each other's way.
    """
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin) as pool:
        waiting = [pool.submit(some, chunk) for chunk in chunks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
