"""Compares the steps whose state a store holds with those that the flow has.

Rules: the engine drops the state of a step that the flow has not, without a word, and goes on from the
saved offsets: a renamed step would begin at zero in the middle of the log. So an unknown id is refused. An
id that is only new is fine, a flow may grow; but not states of windows beside no position at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bytewax.dataflow import Dataflow

from flows.store_made import helps
from topics.errors import NeedsOperator

READS, KEEPS_STATE = "input", frozenset({"input", "output", "stateful_batch"})


def check_steps(database: Path, flow: Dataflow) -> None:
    """Make sure that every state in the store is one of the flow's steps.

    Raises:
        NeedsOperator: names the step, or the flow whose store it is.

    """
    found, steps = steps_of_store(database), steps_of(flow)
    if problem := mismatch(flow.flow_id, found, steps):
        raise NeedsOperator(
            f"recovery store {database} {problem}; what can be done: {helps(database.parent)}"
        )


def mismatch(name: str, found: set[str], steps: dict[str, str]) -> str:
    """Say why states of these steps are not those of a flow; empty when they are."""
    others = sorted({step.partition(".")[0] for step in found} - {name})
    if others:
        return f"is that of the flow {others[0]}, not of {name}"
    if unknown := sorted(found - steps.keys()):
        return (
            f"holds the state of the step {unknown[0]}, which this version of the flow has not: it would be "
            "lost without a word (the version that wrote it can go on)"
        )
    reading = {step for step, kind in steps.items() if kind == READS}
    if found and not found & reading:
        return "holds states and no place to read on from"
    return ""


def steps_of_store(database: Path) -> set[str]:
    """Name the steps whose state a store holds."""
    found: set[str] = set()
    for part in database.glob("part-*.sqlite3"):
        with closing(sqlite3.connect(part)) as store:
            found |= {step for (step,) in store.execute("SELECT DISTINCT step_id FROM snaps")}
    return found


def steps_of(flow: Dataflow) -> dict[str, str]:
    """Give the id and kind of every step of a flow that keeps state."""
    return dict(_steps(flow))


def _steps(of: Dataflow | Any) -> Iterator[tuple[str, str]]:
    for step in of.substeps:
        kind = type(step).__name__
        if kind in KEEPS_STATE and not getattr(step, "substeps", []):
            yield step.step_id, kind
        yield from _steps(step)
