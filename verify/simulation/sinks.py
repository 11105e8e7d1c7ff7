"""Sinks that fail as ClickHouse and Kafka do, before a table that keeps the highest version of each row.

Rules: a sink's partition queues; its snapshot returns when all that its process queued is acknowledged. An
insert may fail before its effect or after it and is then sent again; what was under way when a process died
may still arrive much later. Whoever reads the table sees the effects only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.clickhouse import PARTITIONS
from sinks.kafka import PARTITIONS as LETTER_PARTITIONS
from sinks.kafka import record_key, record_value
from topics.dead_letters import DeadLetter
from topics.errors import Broken
from verify.core import Tables
from windows.rows import Rows


@dataclass(slots=True)
class Warehouse:
    """All that the sinks have done: the tables, the dead-letter topic, and inserts still under way."""

    tables: Tables = field(default_factory=Tables)
    letters: dict[bytes, bytes] = field(default_factory=dict)
    adrift: list[Rows | DeadLetter] = field(default_factory=list)
    failures: int = 0
    drifted: int = 0

    def take(self, content: Rows | DeadLetter) -> None:
        """Let an insert or a record take effect.

        Raises:
            Broken: two records of one message differ.

        """
        if isinstance(content, Rows):
            self.tables.write(content)
            return
        key, value = record_key(content), record_value(content)
        if self.letters.setdefault(key, value) != value:
            raise Broken(f"dead letter {key!r} was written in two ways")

    def drift_in(self, random: Random) -> None:
        """Let one insert of a dead process arrive."""
        if self.adrift:
            self.drifted += 1
            self.take(self.adrift.pop(random.randrange(len(self.adrift))))


@dataclass(slots=True)
class Writer:
    """One process's way to the warehouse; `trouble` is the share of inserts that fail at first."""

    warehouse: Warehouse
    random: Random
    trouble: float
    queued: list[Rows | DeadLetter] = field(default_factory=list)

    def step(self) -> None:
        """Try to write what is queued, or the older part of it."""
        for content in self.queued[: self.random.randint(1, 8)]:
            if self._fails(content):
                return
            self.warehouse.take(content)
            self.queued.pop(0)

    def flush(self) -> None:
        """Write all that is queued, however often it fails."""
        while self.queued:
            self.step()

    def die(self) -> None:
        """Leave some of what was queued under way; the rest is lost."""
        for content in self.queued:
            if self.random.random() < 0.5:  # noqa: PLR2004  a coin
                self.warehouse.adrift.append(content)
        self.queued.clear()

    def _fails(self, content: Rows | DeadLetter) -> bool:
        if self.random.random() >= self.trouble:
            return False
        self.warehouse.failures += 1
        if self.random.random() < 0.5:  # noqa: PLR2004  a coin: before its effect, or after it
            self.warehouse.take(content)
        return True


class SimulatedSink(FixedPartitionedSink[Any, None]):
    """A sink of one process.

    Args:
        parts: names of its partitions.
        writer: what they write with.
        part_of: gives the partition of a key.

    """

    def __init__(self, parts: tuple[str, ...], writer: Writer, part_of: Callable[[str], int] | None) -> None:
        self._parts, self.writer, self._part_of = parts, writer, part_of

    def list_parts(self) -> list[str]:
        """Name the partitions."""
        return list(self._parts)

    def part_fn(self, item_key: str) -> int:
        """Give the partition of a key."""
        return super().part_fn(item_key) if self._part_of is None else self._part_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> SimulatedPart:
        """Open a partition."""
        del step_id, for_part, resume_state
        return SimulatedPart(self.writer)


class SimulatedPart(StatefulSinkPartition[Any, None]):
    """One way into the process's writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write_batch(self, values: list[Any]) -> None:
        """Queue."""
        self._writer.queued.extend(values)

    def snapshot(self) -> None:
        """Wait until all is acknowledged."""
        self._writer.flush()

    def close(self) -> None:
        """Hold nothing."""


def row_sink(writer: Writer) -> SimulatedSink:
    """Stand where `sinks.clickhouse.ClickHouseSink` would."""
    return SimulatedSink(PARTITIONS, writer, int)


def letter_sink(writer: Writer) -> SimulatedSink:
    """Stand where `sinks.kafka.DeadLetterTopic` would."""
    return SimulatedSink(LETTER_PARTITIONS, writer, None)
