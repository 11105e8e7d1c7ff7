"""What each happening of a story does to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from verify.simulation.floors import Wrong
from verify.simulation.story import (
    Arrive,
    ClockJump,
    Commit,
    Crash,
    Grow,
    GrowAtStart,
    Happening,
    Silence,
    Stop,
    Turn,
)
from verify.simulation.worker import Worker
from verify.simulation.world import LONGEST, World


def happen(world: World, what: Happening) -> None:
    """Let one thing happen."""
    happenings: Mapping[type, Callable[[World, Any], None]] = {
        Arrive: _arrive,
        Turn: lambda world, of: _turn(world, Random(of.seed), of.steps),  # noqa: S311
        Commit: _commit,
        Silence: _silence,
        ClockJump: _jump,
        Crash: _crash,
        Stop: _stop,
        Grow: _grow,
        GrowAtStart: _grow_at_start,
    }
    happenings[type(what)](world, what)


def _arrive(world: World, what: Arrive) -> None:
    for message in what.messages:
        if message.partition < len(world.meant):  # a shortened story may lack the partition
            world.topic.append(message.partition, message.value, message.arrived_ms)
            world.meant[message.partition].append(message)


def _jump(world: World, what: ClockJump) -> None:
    world.host += timedelta(seconds=what.seconds)
    world.counts["jumps"] += 1


def _stop(world: World, what: Stop) -> None:
    world.stop.set()
    world.run_to_end(Random(what.seed))  # noqa: S311
    world.close()
    world.restart(what.workers)
    world.counts["stops"] += 1


def _turn(world: World, random: Random, steps: int) -> None:
    for _ in range(steps):
        world.step_once(random, world.story.epoch_share)
        if world.cluster.done:  # it noticed more partitions
            world.next_round()


def _commit(world: World, what: Commit) -> None:
    random = Random(what.seed)  # noqa: S311
    epoch = world.cluster.epoch
    for _ in range(LONGEST):
        world.round(random)
        if world.cluster.done:
            world.next_round()
        if world.cluster.epoch > epoch:
            return
    raise Wrong("an epoch is never committed")


def _silence(world: World, what: Silence) -> None:
    random, rounds = Random(what.seed), 8  # noqa: S311
    world.counts["silences"] += 1
    for _ in range(rounds):
        world.pass_time(what.seconds / rounds)
        world.round(random, world.story.epoch_share * 2)
        if world.cluster.done:
            world.next_round()


def _crash(world: World, what: Crash) -> None:
    random = Random(what.seed)  # noqa: S311
    for worker in world.cluster.workers:
        if what.dead >> worker.number & 1:
            _die(world, worker)
    for _ in range(what.steps):
        world.step_once(random, world.story.epoch_share)
    for worker in world.cluster.workers:
        if not worker.dead:
            _die(world, worker)
    world.counts["crashes"] += 1
    world.counts["torn"] += world.store.torn()
    world.restart(what.workers)


def _die(world: World, worker: Worker) -> None:
    worker.dead = True
    world.parts[worker.number].writer.die()


def _grow(world: World, what: Grow) -> None:
    random = Random(what.seed)  # noqa: S311
    world.more_partitions()
    for parts in random.sample(world.parts, len(world.parts)):
        parts.watch.look()
        _turn(world, random, 5)
    world.counts["growths"] += 1


def _grow_at_start(world: World, what: GrowAtStart) -> None:
    random = Random(what.seed)  # noqa: S311
    for worker in world.cluster.workers:
        _die(world, worker)
    world.restart(what.workers, random.randrange(what.workers))
    _turn(world, random, random.choice([0, 40, 200]))
    for parts in world.parts:
        parts.watch.look()
    world.counts["growths"] += 1
