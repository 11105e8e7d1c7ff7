"""Weapon use: player events to `weapon_use_by_guild`, in windows of 10 s and 60 s."""

from __future__ import annotations

from threading import Event

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from flows.parts import LetterSink, Opened, RowSink, dead_letters_of, open_flow, plan_of
from models.weapon_use import BY_GUILD
from topics.player_events import TOPIC
from windows.operator import Clock, window
from windows.plan import Plan
from windows.take import Take

NAME = "weapon_use"
AGGREGATES = (BY_GUILD,)


def build(
    source: Source[Take], rows: RowSink, dead_letters: LetterSink, plan: Plan, clock: Clock
) -> Dataflow:
    """Wire the flow: takes of `player-events` in; window rows, accounting and dead letters out."""
    flow = Dataflow(NAME)
    takes = op.input("read", flow, source)
    op.output("dead_letters", op.flat_map("unreadable", takes, dead_letters_of), dead_letters)
    op.output("rows", window("window", takes, plan, clock), rows)
    return flow


def opened(stop: Event) -> Opened:
    """Open the flow on its real parts, by the settings; setting `stop` ends it at an epoch's edge."""
    return open_flow(build, plan_of(NAME, AGGREGATES), TOPIC, stop)


def flow() -> Dataflow:
    """Give the flow as `python -m bytewax.run flows.weapon_use` wants it."""
    return opened(Event()).flow
