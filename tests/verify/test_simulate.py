"""The simulation: the clean system passes, sown mistakes are found, and its engine does as Bytewax does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from flows import engagement
from flows.parts import utc_now
from sources.kafka import KafkaSource
from sources.kafka_client import Log
from sources.reading import Client, Reading
from tests.verify.mistakes import MISTAKES
from topics.decode import decode
from verify.simulation.happenings import happen
from verify.simulation.kafka import LOG_ID, MemoryConsumer, Nowhere, Topic, Watch
from verify.simulation.many import many, scratch
from verify.simulation.run import run
from verify.simulation.scenario import story_of
from verify.simulation.shrink import shrunk, told
from verify.simulation.sinks import Warehouse, Writer, letter_sink, row_sink
from verify.simulation.story import Arrive, Stop, Story
from verify.simulation.wiring import plan_of
from verify.simulation.world import TOPICS, System, World
from windows.lane import Lane
from windows.operator import Clock

SEEDS = 120
ENOUGH = 150  # seeds within which every sown mistake shows


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


@pytest.mark.slow
def test_no_seed_gives_a_wrong_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")
    wrong: dict[int, list[str]] = {}
    met: set[str] = set()
    for tally in many(range(SEEDS), 2):
        wrong |= tally.wrong
        met |= {name for name, count in tally.counts.items() if count}
    assert wrong == {}
    assert met >= {"crashes", "torn", "stops", "rescales", "growths", "late", "idle", "duplicates", "adrift"}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_sown_mistake_is_found(mistake: str, folder: Path) -> None:
    assert first_wrong(MISTAKES[mistake], folder) is not None


def first_wrong(system: System, folder: Path) -> int | None:
    return next((seed for seed in range(ENOUGH) if run(story_of(seed), folder, system).wrong), None)


def test_the_same_seed_gives_the_same_run(folder: Path) -> None:
    assert run(story_of(3), folder) == run(story_of(3), folder)


def test_a_failing_story_is_shortened_and_told(folder: Path) -> None:
    mistaken = MISTAKES["a failed insert is dropped"]
    seed = first_wrong(mistaken, folder)
    assert seed is not None
    story = story_of(seed)
    shorter = shrunk(story, lambda of: bool(run(of, folder, mistaken).wrong))
    assert run(shorter, folder, mistaken).wrong
    assert len(shorter.messages) < len(story.messages) / 2
    assert len(list(told(shorter))) < 40


@pytest.mark.parametrize("workers", [1, 2])
def test_bytewax_and_the_driver_fill_the_same_tables(workers: int, folder: Path, tmp_path: Path) -> None:
    plain = next(of for of in map(story_of, range(100)) if of.flow == "engagement" and of.partitions == 3)
    messages = [of for of in plain.messages if of.partition < plain.partitions]
    halves = tuple(messages[: len(messages) // 2]), tuple(messages[len(messages) // 2 :])
    story = replace(
        plain,
        workers=workers,
        live=False,
        trouble=0.0,
        happenings=(Arrive(halves[0]), Stop(1, workers), Arrive(halves[1])),
    )
    init_db_dir(tmp_path, 1)
    topic, warehouse = Topic(story.topic, [[] for _ in range(story.partitions)]), Warehouse()
    for half in halves:
        for of in half:
            topic.append(of.partition, of.value, of.arrived_ms)
        flow = real_flow(story, topic, warehouse)
        cluster_main(
            flow, [], 0, worker_count_per_proc=workers, epoch_interval=timedelta(seconds=0.2),
            recovery_config=RecoveryConfig(tmp_path),
        )  # fmt: skip
    assert tables_of(warehouse) == simulated(story, folder)


class AtOnce(Writer):
    """Writes at the flush, for several threads."""

    lock = Lock()

    def flush(self) -> None:
        with self.lock:
            super().flush()


def real_flow(story: Story, topic: Topic, warehouse: Warehouse) -> Dataflow:
    log = Log(LOG_ID, topic.name, len(topic.logs))
    chance = Random(story.seed)
    client = Client(
        ask=lambda *_: log,
        open=lambda *_: MemoryConsumer(topic, chance),  # type: ignore[arg-type]
        watch=lambda *_: Watch(topic, log),  # type: ignore[arg-type]
    )
    plan = plan_of(story.flow, story.limits)
    make = partial(Lane, plan, partial(decode, TOPICS[topic.name]))
    reading = Reading(time.monotonic, drain=True, client=client)
    source = KafkaSource(Nowhere(), topic.name, plan, make, reading)
    writer = AtOnce(warehouse, chance, 0.0)
    clock = Clock(utc_now, timedelta(seconds=story.upsert_every_s))
    return engagement.build(source, row_sink(writer), letter_sink(writer), plan, clock)


def simulated(story: Story, folder: Path) -> dict[str, Any]:
    world = World(story, folder, System())
    for happening in story.happenings[:-1]:
        if isinstance(happening, Stop):
            world.catch_up(Random(1))
        happen(world, happening)
    happen(world, story.happenings[-1])
    world.catch_up(Random(1))
    world.stop.set()
    world.run_to_end(Random(1))
    world.store.close()
    return tables_of(world.warehouse)


def tables_of(warehouse: Warehouse) -> dict[str, Any]:
    return {"letters": warehouse.letters, **warehouse.tables.rows}
