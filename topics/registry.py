"""All topics by name, in the order in which data passes through a game.

Rules: the names, keys and time fields are the outside contract; adding a topic is one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from topics import player_events, purchase_events, server_metrics
from topics.topic import Topic

_ALL = (
    player_events.TOPIC,
    purchase_events.TOPIC,
    server_metrics.TOPIC,
    Topic("game-rooms", key="id", time=None, event=None),
    Topic("player-activity", key="player_id", time=None, event=None),
    Topic("players", key="player_id", time=None, event=None),
    Topic("dead-letters", key="log:topic:partition:offset", time=None, event=None, compacted=True),
    Topic("fraud-rules", key="id:version", time=None, event=None, compacted=True),
)

TOPICS: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in _ALL})
