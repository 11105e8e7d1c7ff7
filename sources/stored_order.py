"""The order of a log over its partitions: stretches of them, and pieces that follow each other.

Rules:
- Partitions are merged by the newest Kafka time that each has shown, then by partition, then by offset. In
  a log that appends times of its own that is the Kafka time; in any log a partition keeps its order.
- A piece is a stretch of that order: whatever the pieces, their rows are the same one after the other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

Place = tuple[str, int]  # log, partition
Bounds = Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One partition: offsets from `begin` on are history, from `first` to before `end` they are judged.

    `low` and `stored` are the first offset stored and the one after the last; `newest_ms` is the newest
    event time before `begin` (None: nothing is stored there), `began_ms` the oldest Kafka time stored.
    """

    log: str
    partition: int
    low: int
    begin: int
    first: int
    end: int
    stored: int
    began_ms: int
    newest_ms: int | None

    @property
    def place(self) -> Place:
        """Name the partition."""
        return self.log, self.partition


@dataclass(frozen=True, slots=True)
class Part:
    """Offsets of one partition, `end` left out."""

    log: str
    partition: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Parts of partitions that follow each other in the order of the log, and about how many rows."""

    parts: tuple[Part, ...]
    rows: int


def merged(rows: pl.DataFrame) -> pl.DataFrame:
    """Put rows of some partitions, each in its order, into the order of the log."""
    shown = pl.col("kafka_time_ms").cum_max().over("log", "partition").alias("shown_ms")
    return rows.with_columns(shown).sort("shown_ms", "log", "partition", "offset").drop("shown_ms")


def cut(steps: pl.DataFrame, stretches: Sequence[Stretch], most: int) -> Iterator[Piece]:
    """Cut stretches at steps of time, of which `steps` has log, partition, step, first offset and rows."""
    firsts = {of.place: _Firsts(steps, of) for of in stretches}
    rows: dict[int, int] = dict(steps.group_by("step").agg(pl.col("rows").sum()).iter_rows())
    at = {of.place: of.begin for of in stretches}
    held = 0
    for step in sorted(rows):
        if held and held + rows[step] > most:
            to = {place: first.at(step) for place, first in firsts.items()}
            if to != at:  # else all of it came with an earlier time before it
                yield _piece(at, to, held)
                at, held = to, 0
        held += rows[step]
    yield _piece(at, {of.place: of.end for of in stretches}, held)


class _Firsts:
    """Where a partition comes to a step: the first offset of that step or a later one."""

    def __init__(self, steps: pl.DataFrame, of: Stretch) -> None:
        mine = steps.filter(log=of.log, partition=of.partition).sort("step")
        self._steps: list[int] = mine["step"].to_list()
        offsets = mine["first"].reverse().cum_min().reverse().to_list()
        self._offsets: list[int] = [*offsets, of.end]

    def at(self, step: int) -> int:
        return self._offsets[bisect_left(self._steps, step)]


def _piece(at: Bounds, to: Bounds, rows: int) -> Piece:
    parts = [Part(*place, first, to[place]) for place, first in at.items() if first < to[place]]
    return Piece(tuple(parts), rows)
