"""The game that is played: levels with a difficulty, maps, and two traps that stop most players.

Rules: a level is a value made from the seed; which levels are traps is known here and nowhere else,
so that whoever looks for stuck levels can be judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

LEVELS = 12
MAPS = 3
TRAPS = 2
EASIEST, HARDEST, TRAP = 0.10, 0.45, 0.90  # share of attempts that fail


class Place(NamedTuple):
    """Where an event happens; a map may be unknown (`""`)."""

    level_id: str
    map_id: str


class Action(NamedTuple):
    """What a player does: its type, its place, and its fields as JSON text that ends with a comma."""

    event_type: str
    place: Place | None
    fields: str


@dataclass(frozen=True, slots=True)
class Arena:
    """One map of a level with all that can happen there; `deeds` come with their natural frequency."""

    start: Action
    deeds: tuple[Action, ...]
    complete: Action
    fail: Action


@dataclass(frozen=True, slots=True)
class Level:
    """One level; `fail_share` of the attempts at it fail."""

    level_id: str
    fail_share: float
    trap: bool
    arenas: tuple[Arena, ...]


SESSION_START = Action("session_start", None, '"event_type":"session_start",')
SESSION_END = Action("session_end", None, '"event_type":"session_end",')
JOIN_GUILD = Action("join_guild", None, '"event_type":"join_guild","guild_name":"Night \\u0026 Day — Größe",')


def levels(random: Random) -> tuple[Level, ...]:
    """Make the levels, harder and harder, with traps from the third level on."""
    trapped = set(random.sample(range(2, LEVELS), TRAPS))
    step = (HARDEST - EASIEST) / (LEVELS - 1)
    return tuple(
        Level(
            level_id := f"level_{number + 1:02d}",
            TRAP if number in trapped else EASIEST + step * number,
            number in trapped,
            tuple(arena(Place(level_id, f"map_{which + 1:02d}")) for which in range(MAPS)),
        )
        for number in range(LEVELS)
    )


def arena(place: Place) -> Arena:
    """Prepare the text of everything that can happen in one place."""
    here = f'"level_id":"{place.level_id}","map_id":"{place.map_id}",'

    def deed(event_type: str, more: str = "") -> Action:
        return Action(event_type, place, f'"event_type":"{event_type}",{here}{more}')

    found = '"event_type":"item_gained","item_id":"potion_small","quantity":1,'
    return Arena(
        start=deed("level_start"),
        deeds=(
            *[deed("move")] * 11,
            *[deed("interaction")] * 4,
            deed("battle"),
            deed("weapon_use", '"weapon_type":"sword",'),
            deed("health_change", '"health":71.5,'),
            Action("item_gained", Place(place.level_id, ""), f'{found}"level_id":"{place.level_id}",'),
            JOIN_GUILD,
        ),
        complete=deed("level_complete", '"duration_ms":48000,'),
        fail=deed("level_fail"),
    )
