"""Weapon use: which weapons the players of each guild reach for, per window.

Players without a guild are under the guild `''`.
"""

from __future__ import annotations

import polars as pl

from models.aggregates import Aggregate, count, distinct

BY_GUILD = Aggregate(
    table="weapon_use_by_guild",
    by=("game_id", "guild_name", "weapon_type"),
    where=(pl.col("event_type") == "weapon_use") & pl.col("weapon_type").is_not_null(),
    terms={
        "uses": count(),
        "players": distinct("player_id"),
    },
)
