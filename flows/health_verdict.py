"""Whether a flow's process lives, and whether it is ready: two lists of reasons why not.

Rules:
- It lives as long as its loop turns, or waits for somebody whom a restart would not bring back
  (ClickHouse, Kafka). Only a process that hangs for no such reason is worth killing.
- It is ready when Kafka is being read, answers, ClickHouse has acknowledged what is old enough, and the
  recovery store has room to grow.
- Both follow from one look; no clock is read here. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from flows.disk import too_little
from sinks.clickhouse_figures import SinkFigures
from sources.figures import PartitionFigures, SourceFigures
from sources.partition_watch import EVERY_S

OPENING_S = 5.0  # a process of a cluster that has no partition by then reads none


class Reason(msgspec.Struct, frozen=True):
    """Why a process is not as it should be, since how long, and what a person may do."""

    reason: str
    for_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long services may be away, and how long the loop may stand still."""

    away_after_s: float
    stuck_after_s: float
    least_free_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """All that a process knows of itself at one time; `opened_s` is when its flow was opened, if it was."""

    now_s: float
    begun_s: float
    sources: tuple[SourceFigures, ...]
    sink: SinkFigures
    opened_s: float | None
    stopping: bool = False
    table_away_since_s: float | None = None  # since when `pipeline_metrics` cannot be written
    free_bytes: int | None = None  # on the disk of the recovery store; None: nobody knows

    @property
    def partitions(self) -> tuple[PartitionFigures, ...]:
        """Give the partitions that this process reads; in a cluster it may be none."""
        return tuple(of for source in self.sources for of in source.partitions)

    @property
    def still_s(self) -> float:
        """Give for how long the loop has not turned; before its first turn since the flow was opened."""
        turns = [of.turned_s for of in self.partitions if of.turned_s is not None]
        return self.now_s - max([*turns, self.opened_s or self.begun_s])


def not_alive(look: Look, limits: Limits) -> list[Reason]:
    """Say why the process should be killed; empty when it should not."""
    waits = look.sink.unacknowledged_since_s is not None or any(_kafka_away(look, limits))
    turns = look.still_s <= limits.stuck_after_s or (look.opened_s is not None and not look.partitions)
    if turns or waits or look.stopping:
        return []
    text = "the loop does not turn and waits for nobody: end the process, it goes on from its last snapshot"
    return [Reason("hangs", round(look.still_s, 1), text)]


def not_ready(look: Look, limits: Limits) -> list[Reason]:
    """Say why the process is not doing its work now; empty when it is."""
    if look.stopping:
        return [Reason("stopping", 0.0, "the flow was asked to end")]
    if not _reads(look):
        begun = round(look.now_s - look.begun_s, 1)
        return [Reason("starting", begun, "the flow is being opened; its log says what it waits for")]
    return [
        *not_alive(look, limits),
        *_disk_full(look, limits),
        *_kafka_away(look, limits),
        *_clickhouse_away(look, limits),
        *_paused(look),
    ]


def _reads(look: Look) -> bool:
    """Tell whether every partition was asked for messages; one without any had time to get some."""
    if look.opened_s is None:
        return False
    waited = look.now_s - look.opened_s > OPENING_S
    return all(of.turned_s is not None for of in look.partitions) and (bool(look.partitions) or waited)


def _kafka_away(look: Look, limits: Limits) -> Iterator[Reason]:
    for source in look.sources:
        if source.answered_s is None or source.closed:
            continue
        silent = look.now_s - source.answered_s - EVERY_S
        if silent > limits.away_after_s:
            text = f"Kafka does not answer for {source.topic}; reading goes on by itself when it does"
            yield Reason("kafka_away", round(silent, 1), text)


def _clickhouse_away(look: Look, limits: Limits) -> Iterator[Reason]:
    since = look.sink.unacknowledged_since_s
    if since is not None and look.now_s - since > limits.away_after_s:
        tried = look.sink.away_since_s is not None
        why = "inserts fail (the flow's log says why)" if tried else "an insert takes long"
        text = f"ClickHouse has not acknowledged rows: {why}; they are kept, and written when it does"
        yield Reason("clickhouse_away", round(look.now_s - since, 1), text)
        return
    since = look.table_away_since_s
    if since is not None and look.now_s - since > limits.away_after_s:
        text = "ClickHouse does not answer; no rows wait for it yet"
        yield Reason("clickhouse_away", round(look.now_s - since, 1), text)


def _disk_full(look: Look, limits: Limits) -> Iterator[Reason]:
    if look.free_bytes is not None and look.free_bytes < limits.least_free_bytes:
        words = too_little(look.free_bytes, limits.least_free_bytes)
        yield Reason("disk_full", 0.0, f"{words}: make room there before the flow has to end")


def _paused(look: Look) -> Iterator[Reason]:
    for source in look.sources:
        if any(of.paused for of in source.partitions):
            text = (
                f"reading {source.topic} pauses: most messages are dead letters; "
                f"./gamewax deadletters list --topic {source.topic} shows them"
            )
            yield Reason("paused", 0.0, text)
