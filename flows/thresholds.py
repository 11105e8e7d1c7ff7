"""Thresholds: server metrics to the topic `alerts`, within milliseconds of a limit being crossed.

Rules: small polls, judged on the thread that reads; an alert is sent when its sample is judged, and
acknowledged before the snapshot that holds what it followed from. So a crash sends some again, never none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from flows.parts import (
    LetterSink,
    Opened,
    RowSink,
    counted,
    dead_letters_of,
    open_ends,
    reading_of,
)
from models.aggregates import Aggregate
from models.thresholds import Limits
from settings import load
from sinks.alerts import AlertTopic
from sinks.table_only import TableOnly
from sources.kafka import KafkaSource
from sources.kafka_client import describe
from sources.unjudged import Pace
from topics import alerts
from topics.alerts import Alert
from topics.errors import BadInput
from topics.server_metrics import TOPIC
from windows.operator import Clock
from windows.plan import NO_WINDOW_S, Plan
from windows.samples import SampleLane
from windows.take import Take
from windows.watch import watch

NAME = "thresholds"
AGGREGATES: tuple[Aggregate, ...] = ()
EVER_MS = 1 << 62  # no window here waits for the slowest partition
SOON = Pace(batch=2_000, linger_s=0.0, rest=None, ahead_ms=EVER_MS)


@dataclass(frozen=True, slots=True)
class Watching:
    """What counts as too much, and where it is told."""

    limits: Limits
    alerts: Sink[tuple[str, Alert]]


NOTHING = Watching(Limits(), TableOnly())


def build(  # noqa: PLR0913, PLR0917 — the five parts of every flow, and its own
    source: Source[Take],
    rows: RowSink,
    dead_letters: LetterSink,
    plan: Plan,
    clock: Clock,
    watching: Watching = NOTHING,
) -> Dataflow:
    """Wire the flow: takes of `server-metrics` in; alerts, accounting, late samples and dead letters out."""
    flow = Dataflow(NAME)
    takes = op.input("read", flow, source)
    watched = watch("watch", takes, plan, clock, watching.limits)
    op.output("alerts", watched.alerts, watching.alerts)
    op.output("dead_letters", op.flat_map("unreadable", takes, dead_letters_of), dead_letters)
    op.output("rows", watched.rows, rows)
    return flow


def opened(stop: Event) -> Opened:
    """Open the flow on its real parts, by the settings; setting `stop` ends it at an epoch's edge.

    Raises:
        BadInput: no metric is watched, or files are to be read; and as `open_flow`.

    """
    settings, limits = load(), limits_of_settings()
    if settings.files.globs:
        raise BadInput(f"{NAME} reads Kafka only: an alert about what files hold would come too late")
    ends = open_ends(stop)
    describe(settings.kafka, alerts.TOPIC.name)
    plan = counted(Plan(NAME, AGGREGATES, (NO_WINDOW_S,), dedup_offsets=0), "read")
    reading = replace(reading_of(plan, "read", TOPIC, stop), pace=SOON)
    source = KafkaSource(settings.kafka, TOPIC.name, plan, partial(SampleLane, plan), reading)
    watching = Watching(limits, AlertTopic(settings.kafka))
    flow = build(source, ends.rows, ends.dead_letters, plan, ends.clock, watching)
    return Opened(flow, (source,), ends.rows)


def limits_of_settings() -> Limits:
    """Give the limits that are set.

    Raises:
        BadInput: there is none.

    """
    limits = Limits(**load().thresholds.model_dump())
    if not list(limits.watched()):
        raise BadInput(
            f"{NAME} watches nothing: set a limit, such as GAMEWAX_THRESHOLDS__CPU_LOAD=95 (also "
            "__MEMORY_USAGE and __LATENCY)"
        )
    return limits


def flow() -> Dataflow:
    """Give the flow as `python -m bytewax.run flows.thresholds` wants it."""
    return opened(Event()).flow
