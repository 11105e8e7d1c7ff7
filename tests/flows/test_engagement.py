"""The flow as people run it, on real Kafka and the real ClickHouse engine, against the oracle."""

from __future__ import annotations

from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest

from tests.flow_fixture import PROCESS, TOPIC, World, until
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import POISON, troubled
from verify.views import Views, expected, shown

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=500)
SETTINGS = {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "500"}
MESSAGES = 20_000

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World) -> World:
    world.given |= SETTINGS
    return world


def truth_of(world: World) -> Views:
    return expected(read_back(world.kafka.bootstrap_servers, TOPIC), LIMITS, POISON)


def seen(world: World) -> Views:
    with world.client() as client:
        return shown(client)


def test_a_drain_shows_what_the_oracle_computes(world: World) -> None:
    world.send(*islice(troubled(1), MESSAGES))
    world.drain()
    assert seen(world) == truth_of(world)


def test_a_drain_in_five_pieces_shows_the_same(world: World) -> None:
    messages = list(islice(troubled(2), MESSAGES))
    for fifth in range(5):
        world.send(*messages[fifth * MESSAGES // 5 : (fifth + 1) * MESSAGES // 5])
        world.drain()
    assert seen(world) == truth_of(world)


def test_two_processes_show_the_same(world: World) -> None:
    world.send(*islice(troubled(3), MESSAGES))
    world.drain("--processes", "2")
    assert seen(world) == truth_of(world)


def test_bytewax_runs_the_flow_as_its_docs_teach(world: World) -> None:
    world.send(*islice(troubled(4), MESSAGES))
    ended = world.run("-m", "bytewax.run", "flows.engagement", GAMEWAX_DRAIN="1")
    assert (ended.returncode, seen(world)) == (0, truth_of(world)), ended.stderr


def test_bytewax_runs_the_flow_with_its_own_recovery_options(world: World) -> None:
    store, messages = world.folder / "store", list(islice(troubled(5), MESSAGES))
    store.mkdir()
    assert world.run("-m", "bytewax.recovery", str(store), "2").returncode == 0
    for half in (messages[: MESSAGES // 2], messages[MESSAGES // 2 :]):
        world.send(*half)
        options = ("-r", str(store), "-s", "1", "-b", "0")
        ended = world.run("-m", "bytewax.run", "flows.engagement", *options, GAMEWAX_DRAIN="1")
        assert ended.returncode == 0, ended.stderr
    assert seen(world) == truth_of(world)


def test_a_running_flow_keeps_its_open_files_and_threads(world: World) -> None:
    messages, seen_so_far = troubled(6), count(2_000, 2_000)
    with world.started(*PROCESS, GAMEWAX_RECOVERY__EPOCH_S="0.2") as flow:
        held = []
        for goal in islice(seen_so_far, 6):
            world.send(*islice(messages, 2_000))
            until(partial(has_come_to, world, goal))
            held.append([len(list(Path(f"/proc/{flow.pid}/{kind}").iterdir())) for kind in ("fd", "task")])
    spare = 12  # a client that looks for new partitions comes and goes
    assert all(now <= then + spare for now, then in zip(held[-1], held[1], strict=True)), held


def has_come_to(world: World, goal: int) -> bool:
    return world.place() == goal
