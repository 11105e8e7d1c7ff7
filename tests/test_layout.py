"""Every flow has the same three doors, and the ids under which its state is saved never change."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from flows.registry import FLOWS
from windows.archive import table_of
from windows.operator import Clock
from windows.plan import NO_WINDOW_S, Plan

STATE = {  # a renamed step silently starts at zero: never change a line, only add some
    "archive": {
        "archive.read_player_events",
        "archive.read_purchase_events",
        "archive.read_server_metrics",
        "archive.read_fraud_labels",
        "archive.dead_letters",
        "archive.keep_player_events.accounts",
        "archive.keep_purchase_events.accounts",
        "archive.keep_server_metrics.accounts",
        "archive.keep_fraud_labels.accounts",
        "archive.rows",
    },
}
WINDOWED = ("engagement", "purchases", "weapon_use")  # alike, but for their names
STATE["thresholds"] = {
    f"thresholds.{step}"
    for step in ("read", "dead_letters", "watch.levels", "watch.accounts", "rows", "alerts")
}
STATE["fraud"] = {
    f"fraud.{step}"
    for step in (
        "read",
        "dead_letters",
        "fold.shards",
        "fold.sealed",
        "fold.joined",
        "alerting.alerts",
        "books.accounts",
        "outbox",
        "rows",
    )
}
STATE["server_health"] = {
    f"server_health.{step}"
    for step in (
        "read",
        "dead_letters",
        "window.fold",
        "window.accounts",
        "detect.watch",
        "incidents.groups",
        "outbox",
        "rows",
    )
}
STATE |= {
    name: {f"{name}.{step}" for step in ("read", "dead_letters", "window.fold", "window.accounts", "rows")}
    for name in WINDOWED
}
KEEPS_STATE = {"input", "output", "stateful_batch"}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_has_build_opened_and_flow(name: str) -> None:
    flow = import_module(f"flows.{name}")
    doors = {
        door: [*inspect.signature(getattr(flow, door)).parameters] for door in ("build", "opened", "flow")
    }
    takes = "sources" if hasattr(flow, "TOPICS") else "source"
    wanted = [takes, "rows", "dead_letters", "plan", "clock"]
    wanted += {"thresholds": ["watching"], "fraud": ["court"], "server_health": ["desk"]}.get(
        name, []
    )  # has a default
    assert doors == {"build": wanted, "opened": ["stop"], "flow": []}


@pytest.mark.parametrize("name", FLOWS)
def test_state_is_saved_under_the_ids_written_down(name: str) -> None:
    flow = import_module(f"flows.{name}")
    nothing: Any = TestingSource([])
    clock = Clock(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    plan = Plan(name, flow.AGGREGATES) if flow.AGGREGATES else Plan(name, (), (NO_WINDOW_S,))
    if topics := getattr(flow, "TOPICS", ()):
        nothing = {table_of(topic): nothing for topic in topics}
    built = flow.build(nothing, TestingSink([]), TestingSink([]), plan, clock)
    assert name in STATE, "a new flow of windows: add its name to WINDOWED"
    assert set(state_ids(built)) == STATE[name]


def state_ids(of: Dataflow | Any) -> Iterator[str]:
    for step in of.substeps:
        if type(step).__name__ in KEEPS_STATE and not getattr(step, "substeps", []):
            yield step.step_id
        yield from state_ids(step)
