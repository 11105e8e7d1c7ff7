"""Players: who is registered, one JSON object a message, keyed by the player.

Rules: the last message of a player is what they are now; a message without a value deletes the player.
"""

from __future__ import annotations

import msgspec

from topics.fields import Id, Key, Text, Time, Whole
from topics.topic import Topic


class Player(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One player, as registered from now on."""

    player_id: Key
    player_name: Text
    ip: Text
    created_at: Time | None = None
    event_id: Id | None = None
    event_index: Whole | None = None
    game_id: Id = ""
    region: Text | None = None
    country: Text | None = None
    device_id: Id | None = None
    transaction_id: Id | None = None
    schema_version: Id | None = None
    sent_at: Time | None = None


TOPIC = Topic("players", key="player_id", time=None, event=Player, tombstone_deletes=True)
