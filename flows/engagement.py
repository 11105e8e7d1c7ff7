"""Engagement: player events to `engagement_by_level` and `engagement`, in windows of 10 s and 60 s.

One event's way: `topics/player_events.py` says what it is, this file where it goes, `windows/operator.py`
how it is folded, `sinks/ddl/001_engagement_by_level.sql` where a panel finds it.
"""

from __future__ import annotations

from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import FixedPartitionedSink

from flows.parts import Parts, dead_letters_of, plan_of, real_parts
from models.engagement import BY_LEVEL, WHOLE_GAME
from topics.dead_letters import DeadLetter
from topics.player_events import TOPIC
from windows.operator import Clock, window
from windows.plan import Plan
from windows.rows import Rows
from windows.take import Take

RowSink = FixedPartitionedSink[Rows, None]
LetterSink = FixedPartitionedSink[DeadLetter, None]

NAME = "engagement"
AGGREGATES = (BY_LEVEL, WHOLE_GAME)


def build(
    source: Source[Take], rows: RowSink, dead_letters: LetterSink, plan: Plan, clock: Clock
) -> Dataflow:
    """Wire the flow: takes of `player-events` in; window rows, accounting and dead letters out."""
    flow = Dataflow(NAME)
    takes = op.input("read", flow, source)
    op.output("dead_letters", op.flat_map("unreadable", takes, dead_letters_of), dead_letters)
    op.output("rows", window("window", takes, plan, clock), rows)
    return flow


def parts(stop: Event) -> Parts:
    """Pick the real parts by the settings; setting `stop` ends the flow at an epoch's edge."""
    return real_parts(plan_of(NAME, AGGREGATES), TOPIC, stop)


def flow() -> Dataflow:
    """Give the flow as `python -m bytewax.run flows.engagement` wants it."""
    real = parts(Event())
    return build(real.source, real.rows, real.dead_letters, real.plan, real.clock)
