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

from simulator.fraud import BUYS, Fraud, people_for
from simulator.trouble import CALM, Trouble
from topics import player_events, players, purchase_events, server_metrics

PLAYER_EVENTS = player_events.TOPIC.name
PURCHASE_EVENTS = purchase_events.TOPIC.name
SERVER_METRICS = server_metrics.TOPIC.name
PLAYERS = players.TOPIC.name  # beside the others, once fraud is planted
TOPICS = (PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS)

Kind: TypeAlias = Literal["good", "late", "beyond", "duplicate", "malformed"]
KINDS: tuple[Kind, ...] = ("good", "late", "beyond", "duplicate", "malformed")
GOOD, LATE, BEYOND, DUPLICATE, MALFORMED = range(len(KINDS))

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

FEWEST_SEATS, MOST_SEATS = 50, 20_000  # players in play at once; about one action a second each
PER_SEAT = 20  # known players for each that is in play


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    `start_ms` is its first event time (epoch ms), `rate` its messages a second; with `daily` that is the
    busiest hour's. `lines` leaves out what cannot stand in a line of a file: a message without value.
    With `fraud` purchases are those of a shop (`simulator.fraud_shop`).
    """

    seed: int
    start_ms: int
    rate: int
    topics: tuple[str, ...] = TOPICS
    trouble: Trouble = CALM
    daily: bool = False
    lines: bool = False
    fraud: Fraud | None = None

    @property
    def run(self) -> str:
        """Name the run, so that no two share an id."""
        return f"{self.start_ms:x}-{self.seed:x}"

    @property
    def seats(self) -> int:
        """Count the players who are in play at once."""
        return max(FEWEST_SEATS, min(self.rate, MOST_SEATS))

    @property
    def people(self) -> int:
        """Count the players who are known."""
        asked = people_for(self.fraud, self.rate * self.buys) if self.fraud else 0
        return max(self.seats * PER_SEAT, asked)

    @property
    def buys(self) -> float:
        """Give the share of what players do that is a purchase, where there is a shop."""
        return BUYS if PLAYER_EVENTS in self.topics else 1.0

    def random(self, purpose: str) -> np.random.Generator:
        """Give the random numbers of one part, which no other part can disturb."""
        return np.random.default_rng([self.seed, *purpose.encode()])


def names(first: str, count: int) -> Iterator[str]:
    """Number names from 01 on.

    >>> list(names("map", 2))
    ['map_01', 'map_02']
    """
    return (f"{first}_{number:02d}" for number in range(1, count + 1))
