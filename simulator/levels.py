"""The game that is played: levels with a difficulty, maps, and two traps that stop most players.

Rules: which levels are traps follows from the seed and is known here and in the truth only, so that
whoever looks for stuck levels can be judged. All that can happen stands in one table, `Actions`: the
first rows belong to no place, then each arena (a map of a level) has `ARENA` rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from simulator.plan import Bools, Floats, names

LEVELS = 12
MAPS = 3
TRAPS = 2
EASIEST, HARDEST, TRAP = 0.10, 0.45, 0.90  # share of attempts that fail


class Action(NamedTuple):
    """What can happen: its type, its place (`None`: in no level), its other fields as JSON text."""

    event_type: str
    level_id: str | None = None
    map_id: str | None = None
    more: str = ""

    @property
    def text(self) -> str:
        """Write its fields as JSON text, up to the time."""
        level = f'"level_id":"{self.level_id}",' if self.level_id else ""
        where = f'"map_id":"{self.map_id}",' if self.map_id else ""
        return f'"event_type":"{self.event_type}",{level}{where}{self.more}"timestamp":'


NOWHERE = (
    Action("session_start"),
    Action("session_end"),
)
SESSION_START, SESSION_END = range(len(NOWHERE))
START, COMPLETE, FAIL, FIRST_DEED = range(4)  # rows of an arena
DEEDS = 24
ARENA = FIRST_DEED + DEEDS


@dataclass(frozen=True, slots=True)
class Levels:
    """All levels in order: the share of attempts that fails, and which are traps."""

    ids: tuple[str, ...]
    fail_share: Floats
    trap: Bools

    @property
    def traps(self) -> tuple[str, ...]:
        """Name the traps."""
        return tuple(name for name, trap in zip(self.ids, self.trap, strict=True) if trap)


def levels(random: np.random.Generator) -> Levels:
    """Make the levels, harder and harder, with traps from the third level on."""
    trap = np.zeros(LEVELS, np.bool_)
    trap[random.choice(np.arange(2, LEVELS), TRAPS, replace=False)] = True
    return Levels(
        tuple(names("level", LEVELS)), np.where(trap, TRAP, np.linspace(EASIEST, HARDEST, LEVELS)), trap
    )


def actions(levels: Levels) -> pl.DataFrame:
    """List all that can happen: event_type, level_id, map_id, text; the row's number is its code."""
    every = [*NOWHERE]
    for level_id in levels.ids:
        for map_id in names("map", MAPS):
            every += _arena(level_id, map_id)
    rows = [
        (each.event_type, each.level_id, each.map_id if each.level_id else None, each.text) for each in every
    ]
    table = pl.DataFrame(rows, schema=["event_type", "level_id", "map_id", "text"], orient="row")
    return table.with_columns(pl.when(pl.col("level_id").is_not_null()).then(pl.col("map_id").fill_null("")))


def _arena(level_id: str, map_id: str) -> Iterator[Action]:
    """List what can happen in one place, deeds as often as they are likely."""

    def deed(event_type: str, more: str = "") -> Action:
        return Action(event_type, level_id, map_id, more)

    yield deed("level_start")
    yield deed("level_complete", '"duration_ms":48000,')
    yield deed("level_fail", '"duration_ms":31250.5,')
    yield from [deed("move")] * 11
    yield from [deed("interaction")] * 4
    yield deed("battle")
    yield deed("weapon_use", '"weapon_type":"sword",')
    yield deed("weapon_use", '"weapon_type":"bow \\"Größe\\"",')
    yield deed("health_change", '"health":71.5,')
    yield Action("item_gained", level_id, None, '"item_id":"potion_small","quantity":1,')
    yield Action("item_used", None, None, '"item_id":1007,"quantity":2,')
    yield Action("join_guild", None, None, '"guild_name":"Night \\u0026 Day — Größe",')
    yield Action("leave_guild", None, None, '"guild_name":"Dawn",')
    yield deed("emote", '"dance":{"name":"twist","steps":[1,2,3]},')
