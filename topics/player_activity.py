"""Player activity: where a player is in a room and with how many points, keyed by the player.

Rules: the time of an activity is that of its Kafka record. `coordinates` are kept as written, be they the
text `"[52,27]"`, a list or an object.
"""

from __future__ import annotations

import msgspec

from topics.fields import AnyJson, Id, Key, Text, Time, Whole
from topics.topic import Topic


class PlayerActivity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one player does in a room."""

    player_id: Key
    game_room_id: Id
    points: Whole
    coordinates: AnyJson
    event_id: Id | None = None
    event_index: Whole | None = None
    game_id: Id = ""
    region: Text | None = None
    country: Text | None = None
    device_id: Id | None = None
    transaction_id: Id | None = None
    schema_version: Id | None = None
    sent_at: Time | None = None


TOPIC = Topic("player-activity", key="player_id", time=None, event=PlayerActivity)
