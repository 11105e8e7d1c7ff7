"""Player events: what a player does in the game, one JSON object a message, keyed by the player.

Rules: `move`, `interaction` and every `level_*` event happen in a level, so they need `level_id` and
`map_id`; any other event may have them. An unknown event type is an event like any other.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from topics.fields import Id, Key, Needs, Number, Text, Time, Whole
from topics.topic import Topic


class PlayerEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action of a player."""

    needs: ClassVar[Needs] = Needs(
        on="event_type",
        types=("move", "interaction"),
        prefix="level_",
        fields=("level_id", "map_id"),
        owner="level_id",
        blank="map_id",
    )

    player_id: Key
    session_id: Id | None = None
    event_type: Text
    level_id: Key | None = None
    map_id: Id | None = None
    timestamp: Time
    event_id: Id | None = None
    event_index: Whole | None = None
    game_id: Id = ""
    region: Text | None = None
    country: Text | None = None
    device_id: Id | None = None
    transaction_id: Id | None = None
    schema_version: Id | None = None
    sent_at: Time | None = None
    server_id: Key | None = None
    health: Number | None = None
    item_id: Key | None = None
    quantity: Whole | None = None
    guild_name: Text | None = None
    weapon_type: Text | None = None
    duration_ms: Number | None = None


TOPIC = Topic("player-events", key="player_id", time="timestamp", event=PlayerEvent)
