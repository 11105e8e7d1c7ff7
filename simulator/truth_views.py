"""Counts facts into the rows that the views must show.

In: facts that count, with `window_start`. Rules: one plain group-by a view; names come from the world.
"""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from simulator.items import UNITS
from simulator.players import ANONYMOUS, GAMES
from simulator.truth_rows import GameKey, GameRow, LevelKey, LevelRow, SaleKey, SaleRow
from simulator.world import World

TYPES = ("move", "interaction", "level_start", "level_complete", "level_fail")


def engagement_by_level(facts: pl.DataFrame, world: World) -> dict[LevelKey, LevelRow]:
    """Count events and players by level and map."""
    actions = world.actions.with_row_index("action").drop("text")
    counts = [(pl.col("event_type") == name).sum().alias(name) for name in TYPES]
    placed = (
        facts.join(actions, on="action").filter(pl.col("level_id").is_not_null()).with_columns(game(world))
    )
    rows = placed.group_by("game_id", "window_start", "level_id", "map_id").agg(
        pl.len(), *counts, pl.col("player").n_unique()
    )
    return {LevelKey(*row[:4]): LevelRow(*row[4:]) for row in rows.iter_rows()}


def engagement(facts: pl.DataFrame, world: World) -> dict[GameKey, GameRow]:
    """Count events, players and sessions of the whole game; a session has one player."""
    known = pl.col("session").filter(pl.col("player") % ANONYMOUS != 1)
    rows = (
        facts.with_columns(game(world))
        .group_by("game_id", "window_start")
        .agg(pl.len(), pl.col("player").n_unique(), known.n_unique())
    )
    return {GameKey(*row[:2]): GameRow(*row[2:]) for row in rows.iter_rows()}


def item_sales(facts: pl.DataFrame, world: World) -> dict[SaleKey, SaleRow]:
    """Count purchases and buyers, and add up what they paid."""
    offers = world.items.offers.with_row_index("offer").drop("text")
    rows = (
        facts.join(offers, on="offer")
        .with_columns(game(world))
        .group_by("game_id", "window_start", "item_id", "currency")
        .agg(pl.len(), pl.col("units").sum(), pl.col("player").n_unique())
    )
    return {
        SaleKey(*key): SaleRow(purchases, Decimal(units) / UNITS, buyers)
        for *key, purchases, units, buyers in rows.iter_rows()
    }


def game(world: World) -> pl.Expr:
    """Name the game of each player."""
    games = pl.Series(GAMES).gather(world.players.game)
    return pl.lit(games).gather(pl.col("player")).alias("game_id")
