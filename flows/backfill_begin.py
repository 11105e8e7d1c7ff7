"""Begins a backfill, or finds the one that was begun: `./gamewax backfill`, before its flow runs.

Rules:
- Only windows that the live flow has given up: so it and a backfill never write the same row.
- Its generation is above all earlier ones, and noted in ClickHouse before the first row is written.
- What was asked for names its store: the same words again go on with it, and a finished one is done already.
- A topic is read from the first offset with a Kafka time of `from` - 5 min or later (`flows/recover_from.py`
  says why), until each partition is past what the live flow would have counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module

from clickhouse_connect.driver.exceptions import ClickHouseError

from flows.backfill import Backfill, Stretch, folder_of, read_notes, write_notes
from flows.generations import alone, generation_rows, next_generation
from flows.parts import check_tables, plan_of
from flows.past import committed_lanes
from flows.reach import closed_span, latest_to
from flows.recover_from import AHEAD_MS, Helps, check_reach, reach
from flows.spans import Span, step_of
from flows.store import store_of
from settings import load
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sinks.clickhouse_insert import block, insert
from sources.file_set import find, set_id
from sources.gaps import of_one_log
from sources.kafka_client import describe, log_bounds, log_since
from topics.errors import BadInput
from topics.topic import Topic
from windows.plan import NEVER, Plan
from windows.take import LaneState


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for: times in epoch ms, None where none is given; files by absolute patterns."""

    flow: str
    from_ms: int | None
    to_ms: int | None
    globs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A backfill ready to run: its store's name, what it counts, and whether it was begun before."""

    name: str
    notes: Backfill
    before: bool


@dataclass(frozen=True, slots=True)
class Live:
    """The live flow: its windows, and where its lanes stand by their last commit."""

    plan: Plan
    topic: Topic
    lanes: list[LaneState]


@contextmanager
def begun(asked: Asked) -> Iterator[Begun]:
    """Begin what is asked for or find it begun; no other backfill or rebuild of the flow runs meanwhile.

    Raises:
        BadInput: what is asked for cannot be meant, or the live flow may still add to these windows.
        NeedsOperator: the log does not reach back that far.

    """
    settings, module = load(), import_module(f"flows.{asked.flow}")
    if not module.AGGREGATES:
        raise BadInput(f"flow {asked.flow} has no windows to count again")
    check_tables(settings)
    name = name_of(asked, module.TOPIC)
    store = store_of(settings.recovery.dir, asked.flow)
    with alone(store.parent):
        notes = read_notes(folder_of(name))
        if notes is not None:
            yield Begun(name, notes, before=True)
            return
        plan = plan_of(asked.flow, module.AGGREGATES)
        live = Live(plan, module.TOPIC, of_one_log(committed_lanes(store, f"{asked.flow}.read")))
        span = span_of(asked, live)
        stretch = None if asked.globs else stretch_of(live, span)
        notes = Backfill(note_generation(asked.flow, span), span.from_ms, span.to_ms, stretch)
        write_notes(folder_of(name), notes)
        yield Begun(name, notes, before=False)


def name_of(asked: Asked, topic: Topic) -> str:
    """Name the recovery store of what is asked for.

    Raises:
        BadInput: a pattern finds nothing that can be read; Kafka does not answer.

    """
    held = set_id(find(asked.globs), "") if asked.globs else describe(load().kafka, topic.name).id
    named = f"{held}\0{asked.from_ms}\0{asked.to_ms}"
    return f"{asked.flow}-backfill-{hashlib.sha256(named.encode()).hexdigest()[:12]}"


def span_of(asked: Asked, live: Live) -> Span:
    """Give the windows to count: what is asked for, else all that the live flow has given up.

    Raises:
        BadInput: the live flow may still add to some, or nobody knows which it has given up.

    """
    from_ms, flow = NEVER if asked.from_ms is None else asked.from_ms, asked.flow
    if live.lanes:
        to_ms = latest_to(live.plan, live.topic, live.lanes) if asked.to_ms is None else asked.to_ms
        return closed_span(live.plan, live.topic, live.lanes, Span(from_ms, to_ms))
    where = f"flow {flow} never ran with the recovery store {store_of(load().recovery.dir, flow).parent}"
    if not asked.globs:
        raise BadInput(f"{where}: backfill where it runs, with its GAMEWAX_RECOVERY__DIR")
    if asked.to_ms is None:
        raise BadInput(f"{where}: say with --to which windows are left to it, those from that time on")
    return Span(from_ms, asked.to_ms).whole(step_of(live.plan))


def stretch_of(live: Live, span: Span) -> Stretch:
    """Ask Kafka from where a topic has to be read, and to about where.

    Raises:
        BadInput: Kafka does not answer.
        NeedsOperator: the log does not reach back that far.

    """
    kafka, flow = load().kafka, live.plan.flow
    held = reach(live.topic.name, span.from_ms - AHEAD_MS)
    helps = Helps(
        f"./gamewax backfill {flow} --from",
        f"./gamewax rebuild {flow} counts from the archive, ./gamewax backfill {flow} --files from files",
    )
    check_reach([held], span.from_ms, step_of(live.plan), helps)
    last_ms = span.to_ms + live.plan.allowed_lateness_ms + live.plan.max_out_of_orderness_ms
    ends, about = log_bounds(kafka, held.log), log_since(kafka, held.log, last_ms)
    begins = dict(held.begins)
    last = {number: max(first, min(ends[number].high, about[number])) for number, first in begins.items()}
    return Stretch(held.log.id, begins, last)


def note_generation(flow: str, span: Span) -> int:
    """Take the next generation and note it; gives it.

    Raises:
        BadInput: ClickHouse does not answer, or a right is missing.

    """
    server = load().clickhouse
    bounds = None if span.from_ms < 0 else span.from_ms, span.to_ms
    with closing(connect(server, server.database)) as client:
        try:
            generation = next_generation(client, flow)
            insert(client, block(generation_rows(flow, generation, "backfill", bounds)))
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error
    return generation
