"""All topics by name, in the order in which data passes through a game.

Rules: the names, keys and time fields are the outside contract; adding a topic is one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from topics import (
    alerts,
    dead_letter_records,
    fraud_labels,
    fraud_outbox,
    fraud_rules,
    game_rooms,
    player_activity,
    player_events,
    players,
    purchase_events,
    server_metrics,
)
from topics.topic import Topic

_ALL = (
    player_events.TOPIC,
    purchase_events.TOPIC,
    server_metrics.TOPIC,
    game_rooms.TOPIC,
    player_activity.TOPIC,
    players.TOPIC,
    dead_letter_records.TOPIC,
    fraud_rules.TOPIC,
    fraud_labels.TOPIC,
    alerts.TOPIC,
    fraud_outbox.TOPIC,
)

TOPICS: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in _ALL})
