"""Archive: every good message of four topics, as it came, to the raw tables of their names.

Nothing is folded and nothing is late here: what windows had to leave out can be recomputed from these rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from flows.parts import (
    FlowSource,
    LetterSink,
    Opened,
    RowSink,
    counted,
    dead_letters_of,
    open_ends,
    open_source,
)
from models.aggregates import Aggregate
from topics import fraud_labels, player_events, purchase_events, server_metrics
from topics.topic import Topic
from windows.archive import ArchiveLane, table_of
from windows.operator import Clock, keep
from windows.plan import NO_WINDOW_S, Plan
from windows.take import Take

NAME = "archive"
AGGREGATES: tuple[Aggregate, ...] = ()
TOPICS = (player_events.TOPIC, purchase_events.TOPIC, server_metrics.TOPIC, fraud_labels.TOPIC)


def build(
    sources: Mapping[str, Source[Take]], rows: RowSink, dead_letters: LetterSink, plan: Plan, clock: Clock
) -> Dataflow:
    """Wire the flow: takes of each topic (by its table's name) in; raw rows, accounting, dead letters out."""
    flow = Dataflow(NAME)
    takes = {table: op.input(f"read_{table}", flow, source) for table, source in sources.items()}
    bad = [op.flat_map(f"unreadable_{table}", of, dead_letters_of) for table, of in takes.items()]
    op.output("dead_letters", op.merge("unreadable", *bad), dead_letters)
    kept = [keep(f"keep_{table}", of, plan, clock) for table, of in takes.items()]
    op.output("rows", op.merge("kept", *kept), rows)
    return flow


def opened(stop: Event) -> Opened:
    """Open the flow on its real parts, by the settings; setting `stop` ends it at an epoch's edge."""
    ends = open_ends(stop)
    plan = counted(
        Plan(NAME, AGGREGATES, (NO_WINDOW_S,), dedup_offsets=0),
        *(f"read_{table_of(topic)}" for topic in TOPICS),
    )
    sources = {table_of(topic): _open(plan, topic, stop) for topic in TOPICS}
    return Opened(
        build(sources, ends.rows, ends.dead_letters, plan, ends.clock), tuple(sources.values()), ends.rows
    )


def _open(plan: Plan, topic: Topic, stop: Event) -> FlowSource:
    return open_source(plan, f"read_{table_of(topic)}", topic, partial(ArchiveLane, plan, topic), stop)


def flow() -> Dataflow:
    """Give the flow as `python -m bytewax.run flows.archive` wants it."""
    return opened(Event()).flow
