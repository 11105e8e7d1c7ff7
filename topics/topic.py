"""What a Kafka topic is to Gamewax: a name, the field that is its key, its time and its event.

Rules: a topic is a value; it opens no connection. One file per topic with an event struct of its
own; `topics.registry` lists them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as the contract names it.

    `key` is the event field (or the rule) that gives the message key, `time` the field that holds
    the event time (`None`: Kafka's own timestamp), `event` the struct of a decoded value (`None`:
    nothing decodes it), `compacted` keeps the last value of each key for ever, `tombstone_deletes` makes a
    message without a value delete what its key names (elsewhere it is a dead letter), `kept_for_ever` keeps
    all messages.
    """

    name: str
    key: str
    time: str | None
    event: type[msgspec.Struct] | None
    compacted: bool = False
    tombstone_deletes: bool = False
    kept_for_ever: bool = False
