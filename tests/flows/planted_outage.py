"""A run of the simulator with an outage, read as the flows read it: raw rows, alarms and incidents."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from zlib import crc32

import numpy as np

from models.server_health import SERVER_HEALTH
from models.server_watch import COLUMNS, ServerWatch
from simulator.batch import Batch
from simulator.plan import SERVER_METRICS
from simulator.plan import Plan as Asked
from simulator.run import Run, Stop
from simulator.truth import Truth
from topics.decode import decode
from topics.registry import TOPICS
from windows.anomaly_rows import anomaly_rows
from windows.archive import ArchiveLane
from windows.incidents import Alarms, IncidentsLogic
from windows.plan import NO_WINDOW_S, Plan
from windows.rows import Rows
from windows.take import Arrivals, fresh_state
from windows.watched import WatchedLane

PARTITIONS = 4
LOG = "0a1b2c3d"
ARCHIVE, HEALTH = Plan("archive", (), (NO_WINDOW_S,)), Plan("server_health", (SERVER_HEALTH,))
DECODE = partial(decode, TOPICS[SERVER_METRICS])


class Partition:
    """One partition of a topic: its messages, and the lanes that read it."""

    def __init__(self, topic: str, number: int, batches: list[Batch]) -> None:
        rows = [np.flatnonzero([crc32(key) % PARTITIONS == number for key in of.keys]) for of in batches]
        self.values = [of.values[row] for of, its in zip(batches, rows, strict=True) for row in its]
        due = [of.due_us[its] for of, its in zip(batches, rows, strict=True)]
        self.due_ms = np.concatenate(due) // 1000
        self.number, self.read = number, 0
        state = fresh_state(LOG, topic, number, 0)
        self.archive = ArchiveLane(ARCHIVE, TOPICS[topic], state, PARTITIONS)
        self.watched = WatchedLane(HEALTH, DECODE, COLUMNS, state, PARTITIONS)
        self.watch = ServerWatch()

    def arrivals(self, before_ms: int) -> Arrivals:
        """Give what is due before then and was not given yet."""
        first, self.read = self.read, int(np.searchsorted(self.due_ms, before_ms))
        values = self.values[first : self.read]
        return Arrivals(values, np.arange(first, self.read), self.due_ms[first : self.read], values)

    def alarms(self, arrivals: Arrivals) -> Alarms:
        """Look at samples; gives the alarms that follow."""
        samples = self.watched.take(arrivals).events
        found = [] if samples is None or not samples.height else self.watch.see(samples)
        return Alarms(self.number, PARTITIONS, self.watch.seen_ms, 0, tuple(found))


class PlantedOutage:
    """The run; `rows` reads on."""

    def __init__(self, asked: Asked, messages: int) -> None:
        run = Run(asked, messages, live=False)
        self.truth = Truth(run.traffic.world)
        self.sent: dict[str, list[Batch]] = {topic: [] for topic in asked.topics}
        for block in run.blocks(Stop()):
            self.truth.add(block)
            for batch in block:
                if len(batch):
                    self.sent[batch.topic].append(batch)
        self._logs = {
            topic: [Partition(topic, number, batches) for number in range(PARTITIONS)]
            for topic, batches in self.sent.items()
        }
        self._incidents = IncidentsLogic(HEALTH, None)

    def rows(self, before_ms: int) -> Iterator[Rows]:
        """Read what came before then (epoch ms, by Kafka's time); gives the rows that follow."""
        takes: list[Alarms] = []
        for topic, partitions in self._logs.items():
            for of in partitions:
                arrivals = of.arrivals(before_ms)
                yield from of.archive.take(arrivals).rows
                if topic == SERVER_METRICS:
                    takes.append(of.alarms(arrivals))
        yield from (anomaly_rows(take.alarms, 0) for take in takes if take.alarms)
        told, _ = self._incidents.on_batch(takes)
        yield from (of for of in told if isinstance(of, Rows))
