"""Begins a flow's count anew from Kafka: `./gamewax recover FLOW --from TIME`, before the flow runs again.

Rules:
- Lanes begin at the first offset with a Kafka time of TIME - 5 min or later. An event is at most 5 min ahead
  of its message, so all events of windows from TIME on lie behind there, and none before makes one of
  them late: those windows come out as if the whole log had been read.
- TIME is raised to a moment at which windows of all sizes begin. Rows of earlier windows stay as they are;
  their events among what is read again go to `late_events`, reason `recovered`.
- Nothing is begun when some partition does not reach back that far: lesser rows would replace those there.
- The new generation is noted in ClickHouse before anything else, so its rows win whatever happens here; the
  flow's `late_events` at offsets that are judged again go. The old store is moved aside, never deleted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import TopicPartition

from flows.gaps import answer_all, steps_of
from flows.generations import generation_rows, next_generation
from flows.parts import check_tables, plan_of
from flows.recovered import Begins, Recovered, write_notes
from flows.spans import step_of as span_step
from flows.spans import text_of
from flows.store import store_of
from models.aggregates import Aggregate
from settings import load
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sinks.clickhouse_insert import block, insert
from sources.kafka_client import ANSWER_S, Bounds, Log, consumer, describe, log_bounds, log_since
from topics.errors import BadInput, NeedsOperator

AHEAD_MS = 300_000  # an event further ahead of its message is no event (`topics.times`)
_FORGET_LATE = """
DELETE FROM late_events_upserts WHERE flow = {flow:String} AND `log` = {log:String} AND topic = {topic:String}
    AND `partition` = {partition:Int32} AND `offset` >= {first:Int64}
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one topic's log reaches back, and where a recovery from a time would begin."""

    log: Log
    begins: Mapping[int, int]
    short: Mapping[
        int, int | None
    ]  # partitions that do not reach back: Kafka time (ms) of their first message


@dataclass(frozen=True, slots=True)
class Helps:
    """What to type: the command again, up to its time, and what else when no time would do."""

    again: str
    instead: str


def prepare(flow: str, at_ms: int) -> str:
    """Begin a flow's count anew from a time (epoch ms); gives the line to print. The caller owns the store.

    Raises:
        BadInput: the time is to come, or Kafka or ClickHouse does not answer.
        NeedsOperator: the log does not reach back that far; names the earliest time that does.

    """
    check_tables(load())
    now_ms = time.time_ns() // 1_000_000
    if at_ms > now_ms:
        raise BadInput(f"--from {text_of(at_ms)} is to come: it is {text_of(now_ms)}")
    step_ms = step_of(flow)
    from_ms = -(-at_ms // step_ms) * step_ms
    reaches = [reach(topic, from_ms - AHEAD_MS) for topic in steps_of(flow).values()]
    helps = Helps(
        f"./gamewax recover {flow} --from",
        f"go on without what is gone by ./gamewax run {flow} --on-gap=earliest, or ./gamewax recover {flow} "
        "for what else can be done",
    )
    check_reach(reaches, from_ms, step_ms, helps)
    starts = {of.log.topic: Begins(of.log.id, dict(of.begins)) for of in reaches}
    notes = Recovered(note_generation(flow, from_ms, starts), from_ms, starts)
    answer_all(flow, "recover")
    folder = store_of(load().recovery.dir, flow).parent
    aside = move_aside(folder, notes.generation)
    write_notes(folder, notes)
    raised = f" ({text_of(at_ms)} raised to whole windows of all sizes)" if from_ms > at_ms else ""
    old = f"; the old store is {aside.name} in {folder}" if aside else ""
    return (
        f"{flow}: generation {notes.generation} counts windows from {text_of(from_ms)} on anew{raised}, from "
        f"{sum(map(_count, reaches)):,} messages that the log holds since then{old}"
    )


def step_of(flow: str) -> int:
    """Give the time (ms) after which a flow's windows of all sizes begin together; 1 without windows."""
    aggregates: tuple[Aggregate, ...] = import_module(f"flows.{flow}").AGGREGATES
    return span_step(plan_of(flow, aggregates)) if aggregates else 1


def reach(topic: str, since_ms: int) -> Reach:
    """Ask Kafka where a topic's messages since a time begin, and whether all of them are there.

    Raises:
        BadInput: Kafka does not answer or has no such topic.

    """
    kafka = load().kafka
    log = describe(kafka, topic)
    held, begins = log_bounds(kafka, log), log_since(kafka, log, since_ms)
    cut = {number: of for number, of in held.items() if of.low > 0 and begins[number] <= of.low}
    times = {number: _time_at(log, number, of) for number, of in cut.items()}
    return Reach(log, begins, {number: at for number, at in times.items() if at is None or at > since_ms})


def _time_at(log: Log, partition: int, held: Bounds) -> int | None:
    """Give the Kafka time (ms) of a partition's first message; None when there is none."""
    if held.low == held.high:
        return None
    kafka = load().kafka
    reader = consumer(kafka, f"{kafka.group}-recover")
    try:
        reader.assign([TopicPartition(log.topic, partition, held.low)])
        found = [message for message in reader.consume(1, ANSWER_S) if message.error() is None]
        return found[0].timestamp()[1] if found else None
    finally:
        reader.close()


def check_reach(reaches: list[Reach], from_ms: int, step_ms: int, helps: Helps) -> None:
    """Refuse a time that some partition does not reach back to.

    Raises:
        NeedsOperator: names the partitions, and the earliest time that all reach back to.

    """
    short = [(f"{of.log.topic}/{number}", at) for of in reaches for number, at in sorted(of.short.items())]
    if not short:
        return
    places = ", ".join(f"{where} begins {'nowhere' if at is None else text_of(at)}" for where, at in short)
    text = f"the log does not reach back to {text_of(from_ms)} less 5 min: {places}; messages before are gone"
    begin_ms = max((at for _, at in short if at is not None), default=None)
    if any(at is None for _, at in short) or begin_ms is None:
        raise NeedsOperator(f"{text}. A partition that holds nothing tells no time: {helps.instead}")
    earliest_ms = -(-(begin_ms + AHEAD_MS) // step_ms) * step_ms
    raise NeedsOperator(f"{text}; the earliest is {helps.again} {text_of(earliest_ms)}")


def note_generation(flow: str, from_ms: int, starts: Mapping[str, Begins]) -> int:
    """Note the new generation, and forget late events that are judged again; gives it.

    Raises:
        BadInput: ClickHouse does not answer, or a right is missing.

    """
    server = load().clickhouse
    with closing(connect(server, server.database)) as client:
        try:
            generation = next_generation(client, flow)
            insert(client, block(generation_rows(flow, generation, "recover", (from_ms, None))))
            for asked in stretches(flow, starts):
                client.command(_FORGET_LATE, parameters=asked)
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error
    return generation


def stretches(flow: str, starts: Mapping[str, Begins]) -> Iterator[dict[str, str | int]]:
    """Name what is read again, partition by partition."""
    for topic, begins in starts.items():
        for number, first in begins.offsets.items():
            yield {"flow": flow, "topic": topic, "log": begins.log, "partition": number, "first": first}


def move_aside(folder: Path, generation: int) -> Path | None:
    """Move the store aside; gives where it is now, or None when there was none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = store_of(folder.parent, folder.name)
    if not store.exists():
        return None
    aside = folder / f"store.before-recover-{generation}"
    store.rename(aside)
    return aside


def _count(of: Reach) -> int:
    held = log_bounds(load().kafka, of.log)
    return sum(max(0, held[number].high - first) for number, first in of.begins.items())
