"""A story: everything that decides one simulated run, and what may happen in it.

Rules: a happening holds its own seed, so a story stays nearly the same when some are taken out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from verify.oracle import Limits
from verify.simulation.messages import Meant

TOPICS = {
    "engagement": "player-events",
    "weapon_use": "player-events",
    "purchases": "purchase-events",
    "server_health": "server-metrics",
    "archive": "player-events",
}
IDLE_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Arrive:
    """Messages arrive."""

    messages: tuple[Meant, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """The workers take so many small steps, in an order by the seed."""

    seed: int
    steps: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The workers go on until an epoch is committed."""

    seed: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing comes for so long; the workers poll now and then."""

    seed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The host's clock is set forward, or back."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Crash:
    """Some workers die; the others go on for so many steps, then all start anew, perhaps more or fewer."""

    seed: int
    dead: int
    steps: int
    workers: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A planned stop, then a start, perhaps with more or fewer workers."""

    seed: int
    workers: int


@dataclass(frozen=True, slots=True)
class Grow:
    """The topic gets one partition more; the workers notice one after the other."""

    seed: int


@dataclass(frozen=True, slots=True)
class GrowAtStart:
    """All workers die; while they start again the topic gets a partition, which only the later ones find."""

    seed: int
    workers: int


Happening = Arrive | Turn | Commit | Silence | ClockJump | Crash | Stop | Grow | GrowAtStart


@dataclass(frozen=True, slots=True)
class Story:
    """All that decides one run."""

    seed: int
    flow: str
    limits: Limits
    partitions: int
    workers: int
    upsert_every_s: float
    trouble: float  # share of inserts that fail at first
    epoch_share: float  # chance that a call of a source partition ends its epoch
    live: bool  # whether the tables are compared while the flow runs on, else after a planned stop
    happenings: tuple[Happening, ...]

    @property
    def topic(self) -> str:
        """Name the topic that the flow reads."""
        return TOPICS[self.flow]

    @property
    def messages(self) -> list[Meant]:
        """Give all messages that arrive."""
        return [of for what in self.happenings if isinstance(what, Arrive) for of in what.messages]
