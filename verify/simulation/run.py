"""Runs one story on the real flow, the real source and the driver, and compares the end with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Event as Flag
from typing import Any

from flows.past import past_lanes
from flows.store_unfinished import forget_unfinished
from sources.kafka import Client, KafkaSource, Reading
from sources.kafka_client import Log
from topics import player_events, purchase_events, server_metrics
from topics.errors import GamewaxError
from verify.simulation.decoding import Decoding
from verify.simulation.driver import Cluster, Worker
from verify.simulation.graph import Graph
from verify.simulation.kafka import LOG_ID, Judge, MemoryConsumer, Nowhere, Topic, Watch
from verify.simulation.messages import Meant
from verify.simulation.scenario import (
    IDLE_AFTER_S,
    Arrive,
    ClockJump,
    Commit,
    Crash,
    Grow,
    Happening,
    Silence,
    Stop,
    Story,
    Turn,
)
from verify.simulation.sinks import Warehouse, Writer, letter_sink, row_sink
from verify.simulation.store import RecoveryStore
from verify.simulation.truth import Sheet, differing, true_tables
from verify.simulation.wiring import plan_of, wired
from windows.archive import ArchiveLane
from windows.codec import read_state
from windows.lane import Lane
from windows.plan import NEVER, Plan
from windows.take import LaneState, MakeLane

LONGEST = 4_000  # rounds within which everything must come to its end
TOPICS = {of.name: of for of in (player_events.TOPIC, purchase_events.TOPIC, server_metrics.TOPIC)}


class Wrong(Exception):
    """An invariant does not hold."""


@dataclass(slots=True)
class Parts:
    """What one worker's process has of its own."""

    judge: Judge
    watch: Watch
    writer: Writer
    source: KafkaSource


@dataclass(slots=True)
class Outcome:
    """What came of a story: what is wrong, and how much happened."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


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
        self.floors: dict[int, list[tuple[int, int]]] = {}
        self.counts: Counter[str] = Counter()
        self.stop, self.parts, self._starts = Flag(), list[Parts](), 0
        self._plan = plan_of(story.flow, story.limits)
        messages = [(of.value, of.arrived_ms) for of in story.messages]
        self._decoding = Decoding(TOPICS[story.topic], messages)
        self._start(story.workers)

    def _start(self, workers: int) -> None:
        self.counts["rescales"] += workers != len(self.parts) and self._starts > 0
        self._starts += 1
        self.parts = []
        flows = [self._process(number) for number in range(workers)]
        self.cluster = Cluster(flows, self.store, lambda: self.host, self._committed)

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
        """Note what a start would read of the lanes now: verdicts follow from it."""
        self.counts["epochs"] += 1
        lanes = {
            int(key): read_state(packed, LaneState, "Kafka position")
            for step, key, packed in self.store.states(epoch + 1)
            if step == self.step and packed is not None
        }
        for partition, state in lanes.items():
            place, known = (state.next_offset, state.floor_ms), self.floors.setdefault(partition, [])
            if state.floor_ms > NEVER and place not in known:
                if state.floor_ms > max((floor for _, floor in known), default=NEVER):
                    self._check_floor(partition, lanes)
                known.append(place)
        self._check_told(lanes)

    def _check_floor(self, partition: int, lanes: Mapping[int, LaneState]) -> None:
        """See to it that a floor is not above what the others promise; each process knows its own only."""
        promises = [of.guarantee_ms(self._plan) for number, of in lanes.items() if number != partition]
        lowest = min((of for of in promises if of > NEVER), default=NEVER)
        if lanes[partition].floor_ms <= lowest:
            return
        if len(self.parts) == 1:
            raise Wrong(f"partition {partition} has a floor above the promise of another: {lowest}")
        self.counts["floors_above_other_processes"] += 1

    def _check_told(self, lanes: Mapping[int, LaneState]) -> None:
        """See to it that lag tools are told nothing that is not committed."""
        for partition, offset in self.topic.told.items():
            if partition in lanes and offset > lanes[partition].next_offset:
                raise Wrong(f"lag tools were told offset {offset} of partition {partition}, not committed")

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

    def restart(self, workers: int) -> None:
        """Start anew after a crash, or after a planned stop by another process."""
        self.stop = Flag()
        self.system.forget(self.store.folder)
        self._start(workers)

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
        saved = {
            int(key): read_state(packed, LaneState, "Kafka position").next_offset
            for step, key, packed in self.store.states(self.cluster.epoch)
            if step == self.step and packed is not None
        }
        return sum(len(log) - saved.get(partition, 0) for partition, log in enumerate(self.topic.logs))

    def happen(self, what: Happening) -> None:
        """Let one thing happen."""
        happenings: Mapping[type, Callable[[Any], None]] = {
            Arrive: self._arrive,
            Turn: lambda of: self._turn(Random(of.seed), of.steps),  # noqa: S311
            Commit: self._commit,
            Silence: self._silence,
            ClockJump: self._jump,
            Crash: self._crash,
            Stop: self._stop,
            Grow: self._grow,
        }
        happenings[type(what)](what)

    def _arrive(self, what: Arrive) -> None:
        for message in what.messages:
            if message.partition < len(self.meant):  # a shortened story may lack the partition
                self.topic.append(message.partition, message.value, message.arrived_ms)
                self.meant[message.partition].append(message)

    def _jump(self, what: ClockJump) -> None:
        self.host += timedelta(seconds=what.seconds)
        self.counts["jumps"] += 1

    def _stop(self, what: Stop) -> None:
        self.stop.set()
        self.run_to_end(Random(what.seed))  # noqa: S311
        self._close()
        self.restart(what.workers)
        self.counts["stops"] += 1

    def _turn(self, random: Random, steps: int) -> None:
        for _ in range(steps):
            self.step_once(random, self.story.epoch_share)
            if self.cluster.done:  # it noticed more partitions
                self._next_round()

    def _next_round(self) -> None:
        """Start anew in the same processes, as `flows.process` does when the topic has grown."""
        self._close()
        self._start(len(self.cluster.workers))

    def _commit(self, what: Commit) -> None:
        random = Random(what.seed)  # noqa: S311
        epoch = self.cluster.epoch
        for _ in range(LONGEST):
            self.round(random)
            if self.cluster.done:
                self._next_round()
            if self.cluster.epoch > epoch:
                return
        raise Wrong("an epoch is never committed")

    def _silence(self, what: Silence) -> None:
        random, rounds = Random(what.seed), 8  # noqa: S311
        self.counts["silences"] += 1
        for _ in range(rounds):
            self.pass_time(what.seconds / rounds)
            self.round(random, self.story.epoch_share * 2)
            if self.cluster.done:
                self._next_round()

    def _crash(self, what: Crash) -> None:
        random = Random(what.seed)  # noqa: S311
        for worker in self.cluster.workers:
            if what.dead >> worker.number & 1:
                self._die(worker)
        for _ in range(what.steps):
            self.step_once(random, self.story.epoch_share)
        for worker in self.cluster.workers:
            if not worker.dead:
                self._die(worker)
        self.counts["crashes"] += 1
        self.counts["torn"] += self.store.torn()
        self.restart(what.workers)

    def _die(self, worker: Worker) -> None:
        worker.dead = True
        self.parts[worker.number].writer.die()

    def _grow(self, what: Grow) -> None:
        random = Random(what.seed)  # noqa: S311
        self.topic.logs.append([])
        self.meant.append([])
        for parts in random.sample(self.parts, len(self.parts)):
            parts.watch.look()
            self._turn(random, 5)
        self.counts["growths"] += 1

    def _close(self) -> None:
        for parts in self.parts:
            parts.source.close()


def run(story: Story, folder: Path, system: System | None = None) -> Outcome:
    """Let a story happen, and compare what is shown at its end with the truth."""
    world = World(story, folder, system or System())
    outcome = Outcome(counts=world.counts)
    try:
        for happening in story.happenings:
            world.happen(happening)
        _finish(world)
        true = true_tables(story.flow, story.topic, world.meant, story.limits, world.floors)
        outcome.wrong = differing(world.warehouse.tables, true)
        world.counts += _happened(world, true)
    except (Wrong, GamewaxError) as error:
        outcome.wrong = [f"{type(error).__name__}: {error}"]
    finally:
        world.store.close()
    return outcome


def _happened(world: World, true: Mapping[str, Sheet]) -> Counter[str]:
    """Count what the truth holds, so that a reader sees that it was not an easy day."""
    late = true.get("late_events_upserts", {}).values()
    books = {(row["partition"], row["duplicates"]) for row in true.get("accounting_upserts", {}).values()}
    return Counter(
        {
            "messages": sum(map(len, world.meant)),
            "late": len(late),
            "idle": sum(row["reason"] == "idle" for row in late),
            "dead": len(true.get("dead_letters_upserts", ())),
            "duplicates": sum(duplicates for _, duplicates in books),
            "failed_inserts": world.warehouse.failures,
            "adrift": world.warehouse.drifted,
        }
    )


def _finish(world: World) -> None:
    random = Random(world.story.seed)  # noqa: S311
    world.catch_up(random)
    if not world.story.live:
        world.stop.set()
        world.run_to_end(random)
    else:
        world.pass_time(7_200)
        for _ in range(6):
            world.round(random)
            world.pass_time(2)
    while world.warehouse.adrift:
        world.warehouse.drift_in(random)
