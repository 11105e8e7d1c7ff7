"""Server health: server metrics to windows of 10 s and 60 s, and to alarms and incidents.

Windows go to `server_health` (also by fleet and by region). Beside them each sample is looked at in the order
of its partition: what is wrong with a server is a row of `server_anomalies` at once, and part of an incident,
which is a row of `server_incidents` and told to webhook receivers by the topic `fraud-outbox`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from flows.backfill import running
from flows.parts import (
    FlowSource,
    LetterSink,
    Opened,
    RowSink,
    counted,
    dead_letters_of,
    open_ends,
    open_source,
    plan_of,
)
from models.server_health import BY_FLEET, BY_REGION, SERVER_HEALTH
from models.server_watch import COLUMNS
from settings import load
from sinks.fraud_outbox import OutboxTopic
from sinks.table_only import TableOnly
from sources.kafka import KafkaSource
from sources.kafka_client import describe
from sources.unjudged import Pace
from topics import fraud_outbox
from topics.decode import decode
from topics.fraud_outbox import Outgoing
from topics.server_metrics import TOPIC
from windows.anomaly_rows import anomaly_rows
from windows.detect import detect
from windows.incidents import Alarms, incidents
from windows.lane import Lane
from windows.operator import Clock, window
from windows.plan import Plan
from windows.rows import Rows
from windows.take import Take
from windows.watched import WatchedLane

NAME = "server_health"
AGGREGATES = (SERVER_HEALTH, BY_FLEET, BY_REGION)
DECODE = partial(decode, TOPIC)
TICKING = Pace(quiet_every_s=1.0)
ROWS_KEY = "00"  # few rows: one of the sink's shards takes them all


@dataclass(frozen=True, slots=True)
class Desk:
    """Where incidents are told, and how many partitions the topic has."""

    outbox: Sink[tuple[str, Outgoing]]
    partitions: int


def build(  # noqa: PLR0913, PLR0917 — the five parts of every flow, and its own
    source: Source[Take],
    rows: RowSink,
    dead_letters: LetterSink,
    plan: Plan,
    clock: Clock,
    desk: Desk | None = None,
) -> Dataflow:
    """Wire the flow: takes of `server-metrics` in; rows, messages, accounting and dead letters out."""
    desk = desk or Desk(TableOnly(), 1)
    flow = Dataflow(NAME)
    takes = op.input("read", flow, source)
    op.output("dead_letters", op.flat_map("unreadable", takes, dead_letters_of), dead_letters)
    detected = detect("detect", takes, plan, clock, desk.partitions)
    told = incidents("incidents", detected.alarms, plan)
    op.output("outbox", op.filter_map("messages", told, _message), desk.outbox)
    alarmed = op.filter_map("anomalies", detected.alarms, partial(_anomalies, plan))
    grouped = op.filter_map("incident_rows", told, _rows)
    given = op.merge("given", window("window", takes, plan, clock), detected.rows, alarmed, grouped)
    op.output("rows", given, rows)
    return flow


def opened(stop: Event) -> Opened:
    """Open the flow on its real parts, by the settings; setting `stop` ends it at an epoch's edge.

    Raises:
        BadInput: as `open_flow`.

    """
    ends = open_ends(stop)
    if running() is not None:  # what servers did in the past is no news: only windows are counted anew
        plan = counted(plan_of(NAME, AGGREGATES), "read")
        past = open_source(plan, "read", TOPIC, partial(Lane, plan, DECODE), stop)
        return Opened(build(past, ends.rows, ends.dead_letters, plan, ends.clock), (past,), ends.rows)
    plan = counted(replace(plan_of(NAME, AGGREGATES), tells_complete=True), "read")
    source = open_source(plan, "read", TOPIC, partial(WatchedLane, plan, DECODE, COLUMNS), stop, TICKING)
    flow = build(source, ends.rows, ends.dead_letters, plan, ends.clock, _desk(source))
    return Opened(flow, (source,), ends.rows)


def _desk(source: FlowSource) -> Desk:
    """Open the outbox; what files tell of the past is told to nobody."""
    if not isinstance(source, KafkaSource):
        return Desk(TableOnly(), len(source.list_parts()))
    server = load().kafka
    describe(server, fraud_outbox.TOPIC.name)
    return Desk(OutboxTopic(server), source.log.partitions)


def _message(told: Rows | Outgoing) -> tuple[str, Outgoing] | None:
    return (str(told.player_id), told) if isinstance(told, Outgoing) else None


def _rows(told: Rows | Outgoing) -> tuple[str, Rows] | None:
    return (ROWS_KEY, told) if isinstance(told, Rows) else None


def _anomalies(plan: Plan, alarms: Alarms) -> tuple[str, Rows] | None:
    return (ROWS_KEY, anomaly_rows(alarms.alarms, plan.generation)) if alarms.alarms else None


def flow() -> Dataflow:
    """Give the flow as `python -m bytewax.run flows.server_health` wants it."""
    return opened(Event()).flow
