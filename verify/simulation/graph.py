"""A Bytewax dataflow as the driver runs it: stations where items wait, and what happens on the way between.

Rules: core operators only, as the engine has them. What has no state and no exchange is done on the way
(`flat_map_batch`, `branch`, `merge`, `inspect_debug`); items wait before `stateful_batch`, `output` and
`redistribute`, where they may change workers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bytewax.dataflow import Dataflow, Operator

from topics.errors import BadInput

ON_THE_WAY = {"flat_map_batch", "branch", "merge", "inspect_debug", "_noop"}
STATIONS = {"input", "stateful_batch", "output", "redistribute"}
Batch = list[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One core operator: its kind, and the streams that it takes and gives."""

    kind: str
    step_id: str
    ups: tuple[str, ...]
    operator: Any


@dataclass(slots=True)
class Graph:
    """The core operators of one dataflow, in the order in which they were added."""

    steps: dict[str, Step] = field(default_factory=dict)
    takers: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))

    def stations(self) -> list[Step]:
        """Give the steps before which items wait, upstream first."""
        return [step for step in self.steps.values() if step.kind in STATIONS]

    def reached(self, stream: str, batch: Batch) -> Iterator[tuple[Step, Batch]]:
        """Carry a batch along a stream; gives the stations that it comes to, and what comes there."""
        for step in self.takers[stream] if batch else ():
            if step.kind in STATIONS:
                yield step, batch
            else:
                for down, rest in _passed(step, batch):
                    yield from self.reached(down, rest)

    def upstream(self) -> dict[str, set[str]]:
        """Give each station's direct predecessors among the stations."""
        before: dict[str, set[str]] = {step.step_id: set() for step in self.stations()}
        for step in self.stations():
            if step.kind != "output":
                for taker in self._next_stations(step.operator.down.stream_id):
                    before[taker].add(step.step_id)
        return before

    def _next_stations(self, stream: str) -> Iterator[str]:
        for step in self.takers[stream]:
            if step.kind in STATIONS:
                yield step.step_id
            else:
                for down in _downs(step):
                    yield from self._next_stations(down)


def graph_of(flow: Dataflow) -> Graph:
    """Read a dataflow.

    Raises:
        BadInput: it holds an operator that the driver does not know.

    """
    graph = Graph()
    for operator in _core(flow.substeps):
        kind = type(operator).__name__
        if kind not in STATIONS | ON_THE_WAY:
            raise BadInput(f"the simulation cannot run operator {kind} (step {operator.step_id})")
        ups: tuple[str, ...] = ()
        if kind == "merge":
            ups = tuple(operator.ups.stream_ids.values())
        elif kind != "input":
            ups = (operator.up.stream_id,)
        step = graph.steps[operator.step_id] = Step(kind, operator.step_id, ups, operator)
        for up in ups:
            graph.takers[up].append(step)
    return graph


def _core(operators: Sequence[Operator]) -> Iterator[Any]:
    for operator in operators:
        if getattr(type(operator), "core", False):
            yield operator
        else:
            yield from _core(operator.substeps)


def _downs(step: Step) -> list[str]:
    if step.kind == "branch":
        return [step.operator.trues.stream_id, step.operator.falses.stream_id]
    return [step.operator.down.stream_id]


def _passed(step: Step, batch: Batch) -> Iterator[tuple[str, Batch]]:
    of = step.operator
    if step.kind == "flat_map_batch":
        yield of.down.stream_id, list(of.mapper(batch))
    elif step.kind == "branch":
        kept = [bool(of.predicate(item)) for item in batch]
        yield of.trues.stream_id, _chosen(batch, kept, lambda one: one)
        yield of.falses.stream_id, _chosen(batch, kept, lambda one: not one)
    else:
        if step.kind == "inspect_debug":
            for item in batch:
                of.inspector(step.step_id, item, 0, 0)
        yield of.down.stream_id, batch


def _chosen(batch: Batch, kept: list[bool], which: Callable[[bool], bool]) -> Batch:
    return [item for item, one in zip(batch, kept, strict=True) if which(one)]
