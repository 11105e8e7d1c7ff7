"""Game rooms: the rooms that players meet in, one JSON object a message, keyed by the room.

Rules: the last message of a room is what it is now; a message without a value deletes the room.
"""

from __future__ import annotations

import msgspec

from topics.fields import Id, Key, Text, Time, Whole
from topics.topic import Topic


class GameRoom(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One room, as it is from now on."""

    id: Key
    room_name: Text
    created_date: Time
    event_id: Id | None = None
    event_index: Whole | None = None
    game_id: Id = ""
    region: Text | None = None
    country: Text | None = None
    device_id: Id | None = None
    transaction_id: Id | None = None
    schema_version: Id | None = None
    sent_at: Time | None = None


TOPIC = Topic("game-rooms", key="id", time=None, event=GameRoom, tombstone_deletes=True)
