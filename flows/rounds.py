"""Rounds: when a topic has grown the flow opens anew, and all its processes read as many partitions.

Rules:
- Process 0 of a cluster counts the partitions, and the others take its count from a small file in the
  flow's recovery folder before they read anything, whatever they found themselves. So a topic that grows
  between two opens is not half seen: each process compares the topic with the same count
  (`sources.partition_watch`), finds it larger and ends at an epoch's edge; the next round begins for all.
- One count is also what keeps windows open for a new partition. It reads what lies above the promises that
  the store knew at the start, and a slot frees windows only when as many partitions have promised as its
  shares say that there are. A share that says too few would free what a new partition still reads.
- The engine's run ends in no process before it ends in all: each counts its rounds for itself, all agree.
- The file names the start of the cluster (the owner of the store, which lives) and the round, so what an
  earlier start or round left is never taken. It appears whole, by rename.
- A process alone needs no file. All sources of a flow end when one must: the flow starts anew as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import msgspec

from sources.kafka import KafkaSource

FILE = "round"
LOOK_S = 0.1  # between looks for the count of process 0
LOOKS_WHEN_ASKED_TO_END = 20  # process 0 may have ended before it counted


class Counted(msgspec.Struct, frozen=True):
    """How many partitions each topic has in one round of one start of a cluster."""

    start: str
    number: int
    partitions: dict[str, int]


@dataclass(slots=True)
class Rounds:
    """The rounds of one process.

    Args:
        folder: the flow's recovery folder, which all processes of a cluster share.
        start: names this start of the cluster (`flows.store.Store.start`).
        process: number of this process in its cluster.
        alone: there are no others.

    """

    folder: Path
    start: str
    process: int
    alone: bool
    number: int = 0  # of the round that is open

    def begin(self, sources: Sequence[object], stop: Event) -> bool:
        """Begin the next round with sources just opened; False: asked to end before process 0 counted."""
        self.number += 1
        of_topics = [source for source in sources if isinstance(source, KafkaSource)]
        for source in of_topics:
            source.end_with(of_topics)
        if self.alone or not of_topics:
            return True
        if self.process == 0:
            self._write({source.log.topic: source.log.partitions for source in of_topics})
            return True
        if (counted := self._wait(stop)) is None:
            return False
        for source in of_topics:
            source.count(counted.partitions[source.log.topic])
        return True

    def _write(self, partitions: dict[str, int]) -> None:
        unfinished = self.folder / f"{FILE}.new"
        unfinished.write_bytes(msgspec.json.encode(Counted(self.start, self.number, partitions)) + b"\n")
        unfinished.rename(self.folder / FILE)

    def _wait(self, stop: Event) -> Counted | None:
        """Wait for the count of process 0; when it dies, whoever started the cluster ends us too."""
        looks = LOOKS_WHEN_ASKED_TO_END
        while (counted := self._read()) is None and looks:
            looks -= stop.is_set()
            time.sleep(LOOK_S)
        return counted

    def _read(self) -> Counted | None:
        try:
            counted = msgspec.json.decode((self.folder / FILE).read_bytes(), type=Counted)
        except (FileNotFoundError, msgspec.DecodeError):  # none yet, or an older version's
            return None
        return counted if (counted.start, counted.number) == (self.start, self.number) else None
