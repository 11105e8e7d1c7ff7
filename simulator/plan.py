"""What a run of the simulator is asked for, and the words that all its parts share.

Rules: a run's bytes follow from its `Plan` alone. `KINDS` says what a message is; facts hold its
place in this list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from simulator.trouble import CALM, Trouble
from topics import player_events, purchase_events, server_metrics

PLAYER_EVENTS = player_events.TOPIC.name
PURCHASE_EVENTS = purchase_events.TOPIC.name
SERVER_METRICS = server_metrics.TOPIC.name
TOPICS = (PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS)

Kind: TypeAlias = Literal["good", "late", "beyond", "duplicate", "malformed"]
KINDS: tuple[Kind, ...] = ("good", "late", "beyond", "duplicate", "malformed")
GOOD, LATE, BEYOND, DUPLICATE, MALFORMED = range(len(KINDS))

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

FEWEST_SEATS, MOST_SEATS = 50, 20_000  # players in play at once; about one action a second each


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    `start_ms` is its first event time (epoch ms), `rate` its messages a second; with `daily` that is the
    busiest hour's. `lines` leaves out what cannot stand in a line of a file: a message without value.
    """

    seed: int
    start_ms: int
    rate: int
    topics: tuple[str, ...] = TOPICS
    trouble: Trouble = CALM
    daily: bool = False
    lines: bool = False

    @property
    def run(self) -> str:
        """Name the run, so that no two share an id."""
        return f"{self.start_ms:x}-{self.seed:x}"

    @property
    def seats(self) -> int:
        """Count the players who are in play at once."""
        return max(FEWEST_SEATS, min(self.rate, MOST_SEATS))

    def random(self, purpose: str) -> np.random.Generator:
        """Give the random numbers of one part, which no other part can disturb."""
        return np.random.default_rng([self.seed, *purpose.encode()])


def names(first: str, count: int) -> Iterator[str]:
    """Number names from 01 on.

    >>> list(names("map", 2))
    ['map_01', 'map_02']
    """
    return (f"{first}_{number:02d}" for number in range(1, count + 1))
