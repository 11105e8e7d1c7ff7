"""The world of a run: its levels, players, shop and servers, and their names.

Rules: made from the plan alone. The players' states change while they play; all else stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from simulator.fraud_items import priced
from simulator.fraud_people import People, people
from simulator.items import Items, items
from simulator.levels import LEVELS, Levels, actions, levels
from simulator.plan import Plan
from simulator.players import Names, Players, names_of, players
from simulator.servers import Servers, servers


@dataclass(frozen=True, slots=True)
class World:
    """All that there is; `actions` is the table of all that can happen (`simulator.levels`).

    `people` are the players as customers of the shop, where fraud is planted.
    """

    plan: Plan
    levels: Levels
    actions: pl.DataFrame
    players: Players
    names: Names
    items: Items
    servers: Servers
    people: People | None


def world(plan: Plan) -> World:
    """Make the world of a run."""
    stages, fleet = levels(plan.random("levels")), servers(plan)
    known = players(plan, LEVELS, fleet.count)
    names, acts = names_of(known, fleet.ids), actions(stages)
    if plan.fraud is None:
        return World(plan, stages, acts, known, names, items(), fleet, None)
    return World(plan, stages, acts, known, names, items(priced()), fleet, people(plan))
