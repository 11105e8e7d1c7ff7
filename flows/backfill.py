"""A flow's windows of a time counted again, beside the flow: which time, which generation, from where.

Rules:
- What a backfill counts is noted beside its own recovery store before it begins, and never changed; so it
  goes on after a kill as it was begun.
- It is the same flow: its source, lanes, operator and sink. Only the plan's generation is another, events
  outside the time are left out, and a topic's books, dead letters and late events stay the live flow's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic

import msgspec

from flows.from_files import open_files
from flows.past import committed_lanes, past_lanes
from flows.store import store_of
from settings import from_caller, load
from sources.kafka import KafkaSource
from sources.paced import PacedSource, Rate
from sources.reading import Reading
from sources.unjudged import Pace
from topics.errors import NeedsOperator
from topics.topic import Topic
from windows.plan import Plan
from windows.take import JudgingLane, LaneState, MakeLane, fresh_state
from windows.within import Within

NOTES = "backfill.json"
GROUP = "backfill"  # of its consumers: the live flow's lag stays its own
BATCHES = Pace(batch=5_000)  # of a game with few players 20,000 messages would be a day of windows at once
LIVE = frozenset({"accounting_upserts", "dead_letters_upserts", "late_events_upserts"})


class Stretch(msgspec.Struct, frozen=True):
    """What is read of a topic: from which offsets, and to about which, by partition."""

    log: str
    begins: dict[int, int]
    ends: dict[int, int]


class Backfill(msgspec.Struct, frozen=True):
    """One backfill: windows that start in [from_ms, to_ms); of files when there is no stretch."""

    generation: int
    from_ms: int
    to_ms: int
    stretch: Stretch | None = None

    def plan(self, plan: Plan) -> Plan:
        """Give the flow's plan for this count."""
        return replace(plan, generation=self.generation)

    @property
    def left_out(self) -> frozenset[str]:
        """Name the tables that it does not write: what they say of a topic, the live flow has said."""
        return LIVE if self.stretch else frozenset()


def folder_of(name: str) -> Path:
    """Give the folder of a backfill."""
    return from_caller(load().recovery.dir) / name


def running() -> Backfill | None:
    """Give the backfill that this process runs, if it runs one."""
    name = load().backfill.name
    return read_notes(folder_of(name)) if name else None


def read_notes(folder: Path) -> Backfill | None:
    """Read what was noted when a backfill began.

    Raises:
        NeedsOperator: it cannot be read.

    """
    try:
        return msgspec.json.decode((folder / NOTES).read_bytes(), type=Backfill)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise NeedsOperator(
            f"{folder / NOTES} cannot be read ({error}): move {folder} away to begin anew"
        ) from error


def write_notes(folder: Path, notes: Backfill) -> None:
    """Note what a backfill counts, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f"{NOTES}.new"
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(notes)))
        file.flush()
        os.fsync(file.fileno())
    new.rename(folder / NOTES)


def open_backfill(notes: Backfill, plan: Plan, topic: Topic, make_lane: MakeLane, stop: Event) -> PacedSource:
    """Open what a backfill reads; setting `stop` ends it at an epoch's edge.

    Raises:
        BadInput: Kafka does not answer or has no such topic; a file cannot be read.

    """

    def lane(state: LaneState, partitions: int) -> JudgingLane:
        return Within(make_lane(state, partitions), notes.from_ms, notes.to_ms)

    last_ms = notes.to_ms + plan.allowed_lateness_ms + plan.max_out_of_orderness_ms

    def enough(state: LaneState) -> bool:
        return notes.stretch is not None and state.newest_ms >= last_ms

    rate = Rate(load().backfill.rate, monotonic)
    if notes.stretch is None:
        return PacedSource(open_files(plan, topic, lane, stop), rate, enough, stop)
    source = _topic(notes.stretch, plan, topic, lane, stop)
    return PacedSource(source, rate, enough, stop)


def _topic(stretch: Stretch, plan: Plan, topic: Topic, lane: MakeLane, stop: Event) -> KafkaSource:
    settings = load()
    store, step = store_of(settings.recovery.dir, settings.backfill.name), f"{plan.flow}.read"
    known = {of.partition for of in committed_lanes(store, step)}
    begins = _begins(stretch, plan, topic.name)
    reading = Reading(
        monotonic,
        drain=True,
        pause=settings.dead_letters.pause,
        stop=stop,
        past=past_lanes(store, step),
        pace=BATCHES,
        resumed={number: lane for number, lane in begins.items() if number not in known},
    )
    kafka = settings.kafka.model_copy(update={"group": f"{settings.kafka.group}-{GROUP}"})
    return KafkaSource(kafka, topic.name, plan, lane, reading)


def _begins(stretch: Stretch, plan: Plan, topic: str) -> Mapping[int, LaneState]:
    lanes = {
        number: fresh_state(stretch.log, topic, number, first) for number, first in stretch.begins.items()
    }
    return {
        number: msgspec.structs.replace(lane, generation=plan.generation) for number, lane in lanes.items()
    }
