"""Purchases: what a player bought in the game, one JSON object a message, keyed by the player.

Rules: `price` is what the player paid for all of it, in `currency`, kept to the last of 4 decimals.
"""

from __future__ import annotations

import msgspec

from topics.fields import Id, Key, Money, Text, Time, Whole
from topics.topic import Topic


class PurchaseEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One purchase of a player."""

    player_id: Key
    item_id: Key
    price: Money
    currency: Text
    purchase_timestamp: Time
    ip_address: Text
    session_id: Id | None = None
    event_id: Id | None = None
    event_index: Whole | None = None
    game_id: Id = ""
    region: Text | None = None
    country: Text | None = None
    device_id: Id | None = None
    transaction_id: Id | None = None
    schema_version: Id | None = None
    sent_at: Time | None = None


TOPIC = Topic("purchase-events", key="player_id", time="purchase_timestamp", event=PurchaseEvent)
