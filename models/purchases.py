"""Purchases: what is bought, for how much and by how many, per window.

Rules: money of different currencies is never added up, so the currency is part of the key; a price counts
to the last of its four decimals.
"""

from __future__ import annotations

from models.aggregates import Aggregate, count, distinct, revenue

ITEM_SALES = Aggregate(
    table="item_sales",
    by=("game_id", "item_id", "currency"),
    terms={
        "purchases": count(),
        "revenue": revenue("price"),
        "buyers": distinct("player_id"),
    },
)
