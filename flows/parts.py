"""The real parts of a flow, picked in one place: the only wiring that knows settings, clocks and chance."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from threading import Event
from typing import Protocol

from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import FixedPartitionedSink

from flows.backfill import open_backfill, running
from flows.from_files import open_files
from flows.gaps import resumed
from flows.past import past_lanes
from flows.recovered import recovered
from flows.store import store_of
from models.aggregates import Aggregate
from settings import Settings, load
from sinks.clickhouse import ClickHouseSink
from sinks.clickhouse_writer import Pace
from sinks.kafka import DEAD_LETTERS, DeadLetterTopic
from sinks.metric import Sample
from sinks.migrations import pending
from sinks.table_only import TableOnly
from sources.files import FileSource
from sources.gaps import of_one_log
from sources.kafka import KafkaSource
from sources.kafka_client import describe
from sources.paced import PacedSource
from sources.reading import Reading
from sources.unjudged import FOR_TABLES
from sources.unjudged import Pace as SourcePace
from topics.dead_letters import DeadLetter
from topics.decode import decode
from topics.errors import BadInput
from topics.topic import Topic
from windows.lane import Lane
from windows.operator import Clock
from windows.plan import SIZES_S, Plan
from windows.rows import Rows
from windows.take import MakeLane, Take

RowSink = FixedPartitionedSink[Rows, None]
LetterSink = FixedPartitionedSink[DeadLetter, None]
FlowSource = KafkaSource | FileSource | PacedSource
BEHIND = Pace(queue_bytes=8 << 20)  # a backfill leaves ClickHouse to the others
BEHIND_EVERY_S = 10.0  # nobody waits for its open windows
Build = Callable[[Source[Take], RowSink, LetterSink, Plan, Clock], Dataflow]


class Beside(Protocol):
    """What works beside a flow, tells of itself, and ends with it."""

    def samples(self) -> list[Sample]:
        """Give its metrics; any thread may ask."""
        ...

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A flow ready to run, and those of its parts that its process looks after; `beside` ends with it."""

    flow: Dataflow
    sources: tuple[FlowSource, ...]
    rows: ClickHouseSink
    beside: tuple[Beside, ...] = ()


def plan_of(name: str, aggregates: Sequence[Aggregate], sizes_s: tuple[int, ...] = SIZES_S) -> Plan:
    """Give a flow's windows and limits by the settings."""
    windows = load().windows
    return Plan(
        flow=name,
        aggregates=tuple(aggregates),
        sizes_s=sizes_s,
        allowed_lateness_ms=windows.allowed_lateness_s * 1000,
        max_out_of_orderness_ms=round(windows.max_out_of_orderness_s * 1000),
        dedup_offsets=windows.dedup_offsets,
    )


def open_flow(build: Build, plan: Plan, topic: Topic, stop: Event) -> Opened:
    """Open a flow on its real parts; SIGTERM and Ctrl-C set `stop`, which ends it at an epoch's edge.

    Raises:
        BadInput: a setting is wrong, or Kafka or ClickHouse does not answer or lacks a topic or a table.

    """
    ends = open_ends(stop)
    plan = counted(plan, "read")
    source = open_source(plan, "read", topic, partial(Lane, plan, partial(decode, topic)), stop)
    flow = build(source, ends.rows, ends.dead_letters, plan, ends.clock)
    return Opened(flow, (source,), ends.rows)


def counted(plan: Plan, *steps: str) -> Plan:
    """Give the plan for the count that a flow is at, by its recovery store; files are counted once.

    Raises:
        BadInput: ClickHouse does not answer.
        NeedsOperator: the store is of another count than the flow's last recovery.

    """
    if (backfill := running()) is not None:
        return backfill.plan(plan)
    if load().files.globs:
        return plan
    return recovered(plan.flow, [f"{plan.flow}.{step}" for step in steps]).plan(plan)


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a flow's results go, and when."""

    rows: ClickHouseSink
    dead_letters: LetterSink
    clock: Clock


def open_ends(stop: Event) -> Ends:
    """Open a flow's sinks; SIGTERM and Ctrl-C set `stop`.

    Raises:
        BadInput: as `open_flow`.

    """
    stop_on_signals(stop.set)
    settings = load()
    check_tables(settings)
    if (backfill := running()) is not None:
        rows = ClickHouseSink(settings.clickhouse, time.monotonic, Random(), BEHIND, backfill.left_out)  # noqa: S311
        return Ends(rows, TableOnly(), Clock(utc_now, timedelta(seconds=BEHIND_EVERY_S)))
    rows = ClickHouseSink(settings.clickhouse, time.monotonic, Random())  # noqa: S311  spreads retries
    clock = Clock(utc_now, timedelta(seconds=settings.windows.upsert_every_s))
    if settings.files.globs:
        return Ends(rows, TableOnly(), clock)
    describe(settings.kafka, DEAD_LETTERS)
    return Ends(rows, DeadLetterTopic(settings.kafka), clock)


def open_source(  # noqa: PLR0913, PLR0917 — what a flow's source is made of
    plan: Plan, step: str, topic: Topic, make_lane: MakeLane, stop: Event, pace: SourcePace = FOR_TABLES
) -> FlowSource:
    """Open a topic for one step of a flow, or the files that hold it; setting `stop` ends it.

    Raises:
        BadInput: Kafka does not answer or has no such topic; a file cannot be read.
        GapMet: messages are gone, and nobody has decided to go on.

    """
    settings = load()
    if (backfill := running()) is not None:
        return open_backfill(backfill, plan, topic, make_lane, stop)
    if settings.files.globs:
        return open_files(plan, topic, make_lane, stop)
    reading = replace(reading_of(plan, step, topic, stop), pace=pace)
    return KafkaSource(settings.kafka, topic.name, plan, make_lane, reading)


def reading_of(plan: Plan, step: str, topic: Topic, stop: Event) -> Reading:
    """Tell how one step of a flow reads its topic, by the settings and its recovery store.

    Raises:
        GapMet: messages are gone, and nobody has decided to go on.

    """
    settings = load()
    known = past_lanes(store_of(settings.recovery.dir, plan.flow), f"{plan.flow}.{step}")
    idle_after_s, pause = settings.windows.idle_after_s, settings.dead_letters.pause
    starts = resumed(plan, step, topic.name)
    past, kept = of_one_log(known), frozenset(of.partition for of in known)
    return Reading(time.monotonic, idle_after_s, settings.drain, pause, stop, past, starts, kept)


def check_tables(settings: Settings) -> None:
    """Make sure before the first message that rows will find their tables.

    Raises:
        BadInput: ClickHouse does not answer, refuses us, or was not migrated.

    """
    if missing := pending(settings):
        raise BadInput(
            f"ClickHouse database {settings.clickhouse.database!r} lacks {missing[0].name} "
            f"({len(missing)} in all): run ./gamewax migrate"
        )


def utc_now() -> datetime:
    """Give the present, for when rows go out; no result depends on it."""
    return datetime.now(UTC)  # noqa: TID251  the one place that reads it for flows


def stop_on_signals(stop: Callable[[], None]) -> None:
    """End the flow with a snapshot when asked to."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def dead_letters_of(take: Take) -> Iterable[tuple[str, DeadLetter]]:
    """Give a take's dead letters, keyed by the partition that they came from."""
    return [(f"{letter.partition:05d}", letter) for letter in take.dead]
