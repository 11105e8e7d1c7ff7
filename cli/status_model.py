"""What `gamewax status` tells: plain values, the same for people and as JSON.

Rules: times are seconds; None is not known. A flow is bad when a process of it died or hangs, is not ready,
or when its books are off; one that was ended on purpose or never started is not.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FlowHealth = Literal["ready", "not ready", "no answer", "died", "stopped", "not started"]
RUNS: frozenset[FlowHealth] = frozenset({"ready", "not ready", "no answer"})
BAD: frozenset[FlowHealth] = frozenset({"not ready", "no answer", "died"})


class ServiceStatus(msgspec.Struct, frozen=True):
    """Kafka or ClickHouse: its address, whether it answers, and if not why."""

    name: str
    address: str
    answers: bool
    trouble: str = ""


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process of a flow; `reasons` say why it is not ready."""

    process: int
    pid: int
    up_since: str
    endpoint: str
    health: FlowHealth
    reasons: tuple[str, ...] = ()


class PartitionStatus(msgspec.Struct, frozen=True):
    """One partition that a running process reads."""

    topic: str
    partition: int
    lag: int | None = None
    watermark_age_s: float | None = None
    freshness_s: float | None = None
    idle: bool = False
    paused: bool = False


class Books(msgspec.Struct, frozen=True):
    """A flow's accounting for one window size; `off_by` is 0 when every message is accounted for."""

    window_seconds: int
    read: int
    aggregated: int
    late: int
    dead: int
    duplicates: int
    off_by: int


class FlowStatus(msgspec.Struct, frozen=True):
    """One flow; lag is the sum, the ages are those of its worst partition that is not idle.

    `notes` say in words what is good to know and no problem.
    """

    flow: str
    health: FlowHealth
    processes: tuple[ProcessStatus, ...] = ()
    partitions: tuple[PartitionStatus, ...] = ()
    lag: int | None = None
    events_per_s: float | None = None
    watermark_age_s: float | None = None
    freshness_s: float | None = None
    books: tuple[Books, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """Say what is wrong, a line each."""
        found = [f"process {of.process}: {reason}" for of in self.processes for reason in of.reasons]
        off = [of for of in self.books if of.off_by]
        return found + [f"the books are off by {of.off_by:,} ({of.window_seconds} s windows)" for of in off]

    @property
    def is_bad(self) -> bool:
        """Tell whether a person should look at it."""
        return self.health in BAD or any(of.off_by for of in self.books)


class DeadLetters(msgspec.Struct, frozen=True):
    """How many dead letters of one reason a topic got in the last hour."""

    topic: str
    reason: str
    count: int


class Status(msgspec.Struct, frozen=True):
    """All of it at one time; `well` is what the exit code says."""

    time: str
    well: bool
    services: tuple[ServiceStatus, ...]
    flows: tuple[FlowStatus, ...]
    dead_letters_last_hour: tuple[DeadLetters, ...] | None
    problems: tuple[str, ...]
