"""Engagement: who plays what, and how it goes, per window.

`BY_LEVEL` takes the events that happen on a level; `WHOLE_GAME` takes every event.
"""

from __future__ import annotations

import polars as pl

from models.aggregates import Aggregate, count, distinct


def _is(event_type: str) -> pl.Expr:
    return pl.col("event_type") == event_type


BY_LEVEL = Aggregate(
    table="engagement_by_level",
    by=("game_id", "level_id", "map_id"),
    where=pl.col("level_id").is_not_null(),
    terms={
        "events": count(),
        "moves": count(_is("move")),
        "interactions": count(_is("interaction")),
        "level_starts": count(_is("level_start")),
        "level_completes": count(_is("level_complete")),
        "level_fails": count(_is("level_fail")),
        "players": distinct("player_id"),
    },
)

WHOLE_GAME = Aggregate(
    table="engagement",
    by=("game_id",),
    terms={
        "events": count(),
        "players": distinct("player_id"),
        "sessions": distinct("player_id", "session_id"),
    },
)
