"""The world of a run: its levels, players, shop and servers, and their names.

Rules: made from the plan alone. The players' states change while they play; all else stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from simulator.items import Items, items
from simulator.levels import LEVELS, Levels, actions, levels
from simulator.plan import Plan
from simulator.players import Names, Players, names_of, players
from simulator.servers import Servers, servers


@dataclass(frozen=True, slots=True)
class World:
    """All that there is; `actions` is the table of all that can happen (`simulator.levels`)."""

    plan: Plan
    levels: Levels
    actions: pl.DataFrame
    players: Players
    names: Names
    items: Items
    servers: Servers


def world(plan: Plan) -> World:
    """Make the world of a run."""
    stages, fleet = levels(plan.random("levels")), servers(plan)
    people = players(plan, LEVELS, fleet.count)
    return World(plan, stages, actions(stages), people, names_of(people, fleet.ids), items(), fleet)
