"""A flow wired once and used for many runs: its source, sinks and clock are sockets that hold this run's.

Rules: the dataflow is what `flows/NAME.py::build` gives; only what is plugged into it changes. Building one
costs more than running it, so a worker's flow is kept by what decides its wiring.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from models.aggregates import Aggregate
from verify.oracle import Limits
from verify.simulation.graph import Graph, graph_of
from windows.operator import Clock
from windows.plan import Plan
from windows.take import Take


class SourceSocket(FixedPartitionedSource[Take, bytes]):
    """Stands for the source of the run at hand."""

    inner: FixedPartitionedSource[Take, bytes]

    def list_parts(self) -> list[str]:
        """Ask it."""
        return self.inner.list_parts()

    def build_part(
        self, step_id: str, for_part: str, resume_state: bytes | None
    ) -> StatefulSourcePartition[Take, bytes]:
        """Ask it."""
        return self.inner.build_part(step_id, for_part, resume_state)


class SinkSocket(FixedPartitionedSink[Any, None]):
    """Stands for a sink of the run at hand."""

    inner: FixedPartitionedSink[Any, None]

    def list_parts(self) -> list[str]:
        """Ask it."""
        return self.inner.list_parts()

    def part_fn(self, item_key: str) -> int:
        """Ask it."""
        return self.inner.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> StatefulSinkPartition[Any, None]:
        """Ask it."""
        return self.inner.build_part(step_id, for_part, resume_state)


class Host:
    """The host's clock; the run at hand says what it shows."""

    now: Callable[[], datetime] = staticmethod(lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        """Give the present."""
        return self.now()


@dataclass(frozen=True, slots=True)
class Wired:
    """One worker's flow, and where its parts are plugged in."""

    graph: Graph
    source: SourceSocket
    rows: SinkSocket
    letters: SinkSocket
    host: Host


def plan_of(flow: str, limits: Limits) -> Plan:
    """Give a flow's windows."""
    aggregates: tuple[Aggregate, ...] = importlib.import_module(f"flows.{flow}").AGGREGATES
    return Plan(
        flow, aggregates, limits.sizes_s, limits.lateness_ms, limits.disorder_ms, limits.dedup_offsets
    )


@lru_cache(maxsize=2_000)
def wired(flow: str, limits: Limits, upsert_every_s: float, worker: int) -> Wired:
    """Wire one worker's flow."""
    del worker  # each has its own
    source, rows, letters, host = SourceSocket(), SinkSocket(), SinkSocket(), Host()
    clock = Clock(host, timedelta(seconds=upsert_every_s))
    sources = {"player_events": source} if flow == "archive" else source
    build = importlib.import_module(f"flows.{flow}").build
    made: Dataflow = build(sources, rows, letters, plan_of(flow, limits), clock)
    return Wired(graph_of(made), source, rows, letters, host)
