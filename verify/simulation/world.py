"""Everything around one run: what its processes are made of, and how they go on a step at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Event as Flag
from typing import Any

from flows.past import past_lanes
from flows.store_unfinished import forget_unfinished
from sources.kafka import KafkaSource
from sources.kafka_client import Log
from sources.reading import Client, Reading
from topics import player_events, purchase_events, server_metrics
from verify.simulation.decoding import Decoding
from verify.simulation.driver import Cluster
from verify.simulation.floors import Floors, Wrong
from verify.simulation.graph import Graph
from verify.simulation.kafka import LOG_ID, Judge, MemoryConsumer, Nowhere, Topic, Watch
from verify.simulation.messages import Meant
from verify.simulation.sinks import Warehouse, Writer, letter_sink, row_sink
from verify.simulation.store import RecoveryStore
from verify.simulation.story import IDLE_AFTER_S, Story
from verify.simulation.wiring import plan_of, wired
from windows.archive import ArchiveLane
from windows.codec import read_state
from windows.lane import Lane
from windows.plan import Plan
from windows.take import LaneState, MakeLane

LONGEST = 4_000  # rounds within which everything must come to its end
TOPICS = {of.name: of for of in (player_events.TOPIC, purchase_events.TOPIC, server_metrics.TOPIC)}


@dataclass(slots=True)
class Parts:
    """What one worker's process has of its own."""

    judge: Judge
    watch: Watch
    writer: Writer
    source: KafkaSource


@dataclass(slots=True)
class System:
    """How the parts are put together; tests seed mistakes here."""

    forget: Callable[[Path], None] = forget_unfinished
    store: Callable[[Path], RecoveryStore] = RecoveryStore
    writer: Callable[[Warehouse, Random, float], Writer] = Writer
    source: Callable[..., KafkaSource] = KafkaSource
    lane: Callable[[Plan, Any, LaneState, int], Any] = Lane
    mend: Callable[[Graph], Graph] = lambda graph: graph


class World:
    """Everything around one run: Kafka, ClickHouse, the store, the clocks, and the cluster of the moment."""

    def __init__(self, story: Story, folder: Path, system: System) -> None:
        self.story, self.system = story, system
        self.topic = Topic(story.topic, [[] for _ in range(story.partitions)])
        self.meant: list[list[Meant]] = [[] for _ in range(story.partitions)]
        self.warehouse = Warehouse()
        self.store = system.store(folder)
        self.monotonic_s, self.host = 0.0, datetime(2026, 1, 1, tzinfo=UTC)
        self.counts: Counter[str] = Counter()
        self.stop, self.parts, self._starts = Flag(), list[Parts](), 0
        self._plan = plan_of(story.flow, story.limits)
        self.floors = Floors(self.topic, self._plan, self.counts)
        messages = [(of.value, of.arrived_ms) for of in story.messages]
        self._decoding = Decoding(TOPICS[story.topic], messages)
        self._start(story.workers)

    def _start(self, workers: int, grows_at: int | None = None) -> None:
        self.counts["rescales"] += workers != len(self.parts) and self._starts > 0
        self._starts += 1
        self.parts = []
        flows: list[Graph] = []
        for number in range(workers):
            if number == grows_at:
                self.more_partitions()
            flows.append(self._process(number))
        for parts in self.parts:  # as flows/rounds.py does it
            parts.source.count(self.parts[0].source.log.partitions)
        self.cluster = Cluster(flows, self.store, lambda: self.host, self._committed)

    def more_partitions(self) -> None:
        """Let the topic get a partition."""
        self.topic.logs.append([])
        self.meant.append([])

    def _process(self, number: int) -> Graph:
        """Build one worker's flow on parts of its own."""
        chance = Random(f"{self.story.seed}/{number}/{self._starts}")  # noqa: S311
        judge, watch = Judge(), Watch(self.topic, Log(LOG_ID, self.topic.name, len(self.topic.logs)))
        writer = self.system.writer(self.warehouse, chance, self.story.trouble)
        client = Client(
            ask=lambda _, name: Log(LOG_ID, name, len(self.topic.logs)),
            open=lambda *_: MemoryConsumer(self.topic, chance),  # type: ignore[arg-type]
            watch=lambda *_: watch,  # type: ignore[arg-type]
            threads=lambda *_: judge,
        )
        past = past_lanes(self.store.folder, self.step)
        reading = Reading(lambda: self.monotonic_s, IDLE_AFTER_S, stop=self.stop, past=past, client=client)
        source = self.system.source(Nowhere(), self.topic.name, self._plan, self._lane(), reading)
        self.parts.append(Parts(judge, watch, writer, source))
        flow = wired(self.story.flow, self.story.limits, self.story.upsert_every_s, number)
        flow.source.inner, flow.host.now = source, lambda: self.host
        flow.rows.inner, flow.letters.inner = row_sink(writer), letter_sink(writer)
        return self.system.mend(flow.graph)

    @property
    def step(self) -> str:
        """Name the source's step."""
        return f"{self.story.flow}.read" + ("_player_events" if self.story.flow == "archive" else "")

    def _lane(self) -> MakeLane:
        topic, plan = TOPICS[self.topic.name], self._plan
        if self.story.flow == "archive":
            return partial(ArchiveLane, plan, topic)
        return partial(self.system.lane, plan, self._decoding)

    def _committed(self, epoch: int) -> None:
        """Note what a start would read now."""
        self.counts["epochs"] += 1
        self.floors.note(self.lanes(epoch + 1), len(self.parts))

    def lanes(self, before: int) -> dict[int, LaneState]:
        """Give the lanes as a start would read them of the epochs below one."""
        return {
            int(key): read_state(packed, LaneState, "Kafka position")
            for _, key, packed in self.store.states(before, self.step)
            if packed is not None
        }

    # what happens

    def pass_time(self, seconds: float) -> None:
        """Let both clocks run."""
        self.monotonic_s += seconds
        self.host += timedelta(seconds=seconds)

    def step_once(self, random: Random, epoch_share: float) -> bool:
        """Take one small step somewhere."""
        self.pass_time(random.random() * 0.06)
        number = random.randrange(len(self.cluster.workers))
        worker = self.cluster.workers[number]
        if worker.dead:
            return False
        kind = random.randrange(8)
        if kind < 2:  # noqa: PLR2004
            return self.cluster.read(worker, epoch_ends=lambda: random.random() < epoch_share)
        if kind == 2:  # noqa: PLR2004
            return self.parts[number].judge.step()
        if kind < 5:  # noqa: PLR2004
            return self.cluster.work_at_one(worker, random)
        if kind == 5:  # noqa: PLR2004
            self.parts[number].writer.step()
            return True
        if kind == 6:  # noqa: PLR2004
            self.warehouse.drift_in(random)
        return self.cluster.write(random)

    def round(self, random: Random, epoch_share: float = 1.0) -> bool:
        """Let every worker do all that it can, once; tells whether anything was done."""
        self.pass_time(0.05)
        moved = False
        for worker, parts in zip(self.cluster.workers, self.parts, strict=True):
            while parts.judge.step():
                moved = True
            moved = self.cluster.read(worker, epoch_ends=lambda: random.random() < epoch_share) or moved
        for worker in self.cluster.workers:
            moved = self.cluster.work(worker, None) or moved
        while self.cluster.write(None):
            moved = True
        return moved

    def restart(self, workers: int, grows_at: int | None = None) -> None:
        """Start anew after a crash, or a planned stop; the topic may grow before one worker starts."""
        self.stop = Flag()
        self.system.forget(self.store.folder)
        self._start(workers, grows_at)

    def run_to_end(self, random: Random) -> None:
        """Go on until the input has ended and is committed.

        Raises:
            Wrong: it does not come to an end.

        """
        for _ in range(LONGEST):
            if self.cluster.done:
                return
            self.round(random)
        raise Wrong("the flow does not end when asked to")

    def catch_up(self, random: Random) -> None:
        """Go on until every message is read, committed and written.

        Raises:
            Wrong: it never is.

        """
        for _ in range(LONGEST):
            if self.cluster.done:
                self.restart(len(self.cluster.workers))
            self.round(random)
            if self._behind() == 0:
                return
        raise Wrong(f"{self._behind()} messages are never read")

    def _behind(self) -> int:
        saved = self.lanes(self.cluster.epoch)
        return sum(
            len(log) - (saved[partition].next_offset if partition in saved else 0)
            for partition, log in enumerate(self.topic.logs)
        )

    def next_round(self) -> None:
        """Start anew in the same processes, as `flows.process` does when the topic has grown."""
        self.close()
        self._start(len(self.cluster.workers))

    def close(self) -> None:
        """Close the sources of all processes."""
        for parts in self.parts:
            parts.source.close()
