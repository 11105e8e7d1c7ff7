"""Fraud: purchases to alerts, by rules that change while it runs and a model beside them.

Each purchase is judged once, from what has arrived: its features (`windows.fold`), the rules that are live at
its Kafka time, the model's probability. Alerts are rows; what receivers are told goes to `fraud-outbox`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from flows.fraud_known import Court, Known, judging_of_settings
from flows.fraud_sides import Sides
from flows.parts import (
    LetterSink,
    Opened,
    RowSink,
    counted,
    dead_letters_of,
    open_ends,
    plan_of,
    reading_of,
)
from flows.past import committed_contents
from flows.store import store_of
from models.aggregates import Aggregate
from models.fraud_features import GROUPS
from models.fraud_history import ready
from settings import load
from sinks.fraud_outbox import OutboxTopic
from sinks.table_only import TableOnly
from sources.kafka import KafkaSource
from sources.kafka_client import describe
from sources.unjudged import Pace
from topics import fraud_outbox
from topics.decode import decode
from topics.errors import BadInput
from topics.fraud_outbox import Outgoing
from topics.purchase_events import TOPIC
from windows.alerting import Suspicions, alerting
from windows.events import EventLane
from windows.fold import fold
from windows.join import Joined
from windows.operator import Clock, account
from windows.plan import NO_WINDOW_S, Plan
from windows.purchases import parting
from windows.rows import Rows
from windows.slot import Folded
from windows.take import Take

NAME = "fraud"
AGGREGATES: tuple[Aggregate, ...] = ()
SEALED = f"{NAME}.fold.sealed"  # the step that holds sealed rows
SOON = Pace(batch=2_000, linger_s=0.02, rest=timedelta(milliseconds=2))


def build(  # noqa: PLR0913, PLR0917 — the five parts of every flow, and its own
    source: Source[Take],
    rows: RowSink,
    dead_letters: LetterSink,
    plan: Plan,
    clock: Clock,
    court: Court | None = None,
) -> Dataflow:
    """Wire the flow: takes of `purchase-events` in; alerts, messages, accounting and dead letters out."""
    court = court or Court(Known(), TableOnly())
    flow = Dataflow(NAME)
    takes = op.input("read", flow, source)
    op.output("dead_letters", op.flat_map("unreadable", takes, dead_letters_of), dead_letters)
    folded = fold("fold", takes, parting(court.stored), len(GROUPS))
    told = alerting("alerting", op.flat_map("judge", folded, partial(_judged, court, plan)), plan)
    op.output("outbox", op.filter_map("messages", told, _message), court.outbox)
    given = op.merge("given", op.map("receipts", folded, _receipt), op.filter_map("alert_rows", told, _rows))
    op.output("rows", account("books", takes, given, plan, clock), rows)
    return flow


def opened(stop: Event) -> Opened:
    """Open the flow on its real parts, by the settings; setting `stop` ends it at an epoch's edge.

    Raises:
        BadInput: files are to be read, a built-in rule or the model is no good; and as `open_flow`.

    """
    settings = load()
    if settings.files.globs:
        raise BadInput(f"{NAME} reads Kafka only: `./gamewax rules backtest` judges stored purchases")
    ready()
    ends = open_ends(stop)
    describe(settings.kafka, fraud_outbox.TOPIC.name)
    plan = counted(plan_of(NAME, AGGREGATES, (NO_WINDOW_S,)), "read")
    source = KafkaSource(
        settings.kafka,
        TOPIC.name,
        plan,
        partial(EventLane, plan, partial(decode, TOPIC)),
        replace(reading_of(plan, "read", TOPIC, stop), pace=SOON),
    )
    sides = Sides(Known(judging_of_settings()))
    sides.open(settings.kafka)
    sealed = committed_contents(store_of(settings.recovery.dir, NAME), SEALED)
    court = Court(
        sides.known, OutboxTopic(settings.kafka), lambda name: sealed.pop(name, None), sides.catch_up
    )
    flow = build(source, ends.rows, ends.dead_letters, plan, ends.clock, court)
    return Opened(flow, (source,), ends.rows, (sides,))


def _judged(court: Court, plan: Plan, keyed: tuple[str, Joined]) -> list[tuple[str, Suspicions]]:
    court.ready()
    return court.known.judged(plan, keyed[1])


def _receipt(keyed: tuple[str, Joined]) -> tuple[str, Rows | Folded]:
    """Account for a take's purchases once they are folded."""
    key, joined = keyed
    after, purchases = joined.take.after, joined.take.events
    events = 0 if purchases is None else purchases.height
    return key, Folded(after.partition, NO_WINDOW_S, events, after.log)


def _message(told: Rows | Outgoing) -> tuple[str, Outgoing] | None:
    return (str(told.player_id), told) if isinstance(told, Outgoing) else None


def _rows(told: Rows | Outgoing) -> tuple[str, Rows | Folded] | None:
    return ("00", told) if isinstance(told, Rows) else None


def flow() -> Dataflow:
    """Give the flow as `python -m bytewax.run flows.fraud` wants it."""
    return opened(Event()).flow
