"""What stands in a recovery store or in a copy of it, and whether the log still continues it.

Rules: it looks and changes nothing; a flow may be running on the store. A file that cannot be read says
nothing of its places.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bytewax.testing import TestingSink, TestingSource

from flows.from_files import topics_of
from flows.parts import utc_now
from flows.store_backups import PART, backups
from flows.store_check import content, wrong_with, wrong_with_file
from flows.store_made import read_made
from flows.store_steps import mismatch, steps_of
from flows.store_unfinished import NOTHING_STARTED, resume_epoch
from sources.gaps import find, told
from sources.kafka_client import Bounds, Log
from topics.errors import NeedsOperator
from windows.archive import table_of
from windows.codec import read_state
from windows.operator import Clock
from windows.plan import NO_WINDOW_S, Plan
from windows.take import LaneState

ENDED = ".sqlite3"
_PLACES = """
SELECT ser_change, max(snap_epoch) FROM snaps
WHERE step_id LIKE '%.read%' AND snap_epoch < ? AND ser_change IS NOT NULL GROUP BY step_id, state_key
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One store, or a copy of it: what is wrong with it (empty: nothing), and where its lanes go on."""

    name: str
    wrong: str
    epoch: int = 0
    lanes: tuple[LaneState, ...] = ()


def store_kept(folder: Path, flow: str) -> Kept:
    """Look at the store of a flow's folder."""
    database = folder / "store"
    try:
        made = read_made(folder)
    except NeedsOperator as error:
        return Kept("store", str(error))
    wrong = wrong_with(database, made)
    return Kept("store", wrong) if wrong else _kept("store", database / PART, flow)


def copies_kept(folder: Path, flow: str) -> list[Kept]:
    """Look at the copies of a flow's store, newest first."""
    return [copy_kept(path, flow) for path in backups(folder)]


def copy_kept(path: Path, flow: str) -> Kept:
    """Look at one copy."""
    name = path.name.removesuffix(ENDED)
    if not path.exists():
        return Kept(name, "is not there")
    return Kept(name, wrong) if (wrong := wrong_with_file(path)) else _kept(name, path, flow)


def _kept(name: str, file: Path, flow: str) -> Kept:
    if not file.exists():
        return Kept(name, "")
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            epoch = resume_epoch(store)
            steps = {step for (step,) in store.execute("SELECT DISTINCT step_id FROM snaps")}
            if other := mismatch(flow, steps, flow_steps(flow)):
                return Kept(name, other, epoch)
            states = [content(change) for change, _ in store.execute(_PLACES, [epoch])]
        lanes = [read_state(state, LaneState, "Kafka position") for state in states]
    except (sqlite3.Error, NeedsOperator) as error:
        return Kept(name, str(error))
    places = tuple(sorted(lanes, key=lambda of: (of.topic, of.partition)))
    started = 0 if epoch == NOTHING_STARTED else epoch
    return Kept(name, "", started, places)


def flow_steps(name: str) -> dict[str, str]:
    """Give the steps of a flow that keep state, and their kinds, as this version of it has them."""
    module = import_module(f"flows.{name}")
    plan = Plan(name, module.AGGREGATES) if module.AGGREGATES else Plan(name, (), (NO_WINDOW_S,))
    nothing: object = TestingSource([])
    if hasattr(module, "TOPICS"):
        nothing = {table_of(topic): nothing for topic in topics_of(name)}
    clock = Clock(utc_now)
    return steps_of(module.build(nothing, TestingSink([]), TestingSink([]), plan, clock))


def gaps_of(lanes: Iterable[LaneState], logs: Mapping[str, tuple[Log, Mapping[int, Bounds]]]) -> str:
    """Say in one line what the logs no longer hold of what is still to be read; empty when they hold all."""
    gaps = []
    for topic, (log, held) in logs.items():
        gaps += find(log, held, [of for of in lanes if of.topic == topic])
    return told(gaps)
