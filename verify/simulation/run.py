"""Runs one story on the real flow, the real source and the driver, and compares the end with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from topics.errors import GamewaxError
from verify.simulation.floors import Wrong
from verify.simulation.happenings import happen
from verify.simulation.story import Story
from verify.simulation.truth import Sheet, differing, true_tables
from verify.simulation.world import System, World


@dataclass(slots=True)
class Outcome:
    """What came of a story: what is wrong, and how much happened."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def run(story: Story, folder: Path, system: System | None = None) -> Outcome:
    """Let a story happen, and compare what is shown at its end with the truth."""
    world = World(story, folder, system or System())
    outcome = Outcome(counts=world.counts)
    try:
        for happening in story.happenings:
            happen(world, happening)
        _finish(world)
        true = true_tables(story.flow, story.topic, world.meant, story.limits, world.floors.at)
        outcome.wrong = differing(world.warehouse.tables, true)
        world.counts += _happened(world, true)
    except (Wrong, GamewaxError) as error:
        outcome.wrong = [f"{type(error).__name__}: {error}"]
    finally:
        world.store.close()
    return outcome


def _happened(world: World, true: Mapping[str, Sheet]) -> Counter[str]:
    """Count what the truth holds, so that a reader sees that it was not an easy day."""
    late = true.get("late_events_upserts", {}).values()
    books = {(row["partition"], row["duplicates"]) for row in true.get("accounting_upserts", {}).values()}
    return Counter(
        {
            "messages": sum(map(len, world.meant)),
            "late": len(late),
            "idle": sum(row["reason"] == "idle" for row in late),
            "dead": len(true.get("dead_letters_upserts", ())),
            "duplicates": sum(duplicates for _, duplicates in books),
            "failed_inserts": world.warehouse.failures,
            "adrift": world.warehouse.drifted,
        }
    )


def _finish(world: World) -> None:
    random = Random(world.story.seed)  # noqa: S311
    world.catch_up(random)
    if not world.story.live:
        world.stop.set()
        world.run_to_end(random)
    else:
        world.pass_time(7_200)
        for _ in range(6):
            world.round(random)
            world.pass_time(2)
    while world.warehouse.adrift:
        world.warehouse.drift_in(random)
