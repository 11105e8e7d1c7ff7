"""How objectives stand, as `./gamewax slos show` tells it."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Burning(msgspec.Struct, frozen=True):
    """A burn rate in its two windows, and whether its alert fires."""

    alert: str
    long_rate: float
    short_rate: float
    fires: bool


class Standing(msgspec.Struct, frozen=True):
    """How an objective stands for a game; `budget_left` 1 is all of it, below 0 it is overspent."""

    slo: str
    game_id: str
    budget_left: float
    burns: list[Burning]


class Firing(msgspec.Struct, frozen=True):
    """An alert that fires for a game."""

    alert: str
    game_id: str
    severity: str


class Now(msgspec.Struct, frozen=True):
    """How everything stands; `complete_until` is where the numbers end (None: no minute is complete)."""

    complete_until: datetime | None
    objectives: list[Standing]
    firing: list[Firing]
