"""The dispatcher is killed at random moments, beside receivers of every kind: no alert is lost or changed."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest
from confluent_kafka.admin import AdminClient
from standardwebhooks.webhooks import Webhook

from sinks.outbox_report import reading
from tests.flow_fixture import until
from tests.webhooks import receiver as to
from tests.webhooks.dispatcher_fixture import SECRET, Place, new_topic, send
from tests.webhooks.played import outgoing
from tests.webhooks.receiver import Receiver, receiving
from topics.fraud_outbox import Outgoing

PLAYERS, OF_EACH, KILLS, AT_ONCE = 40, 6, 5, 8
UNLUCKY = {f"a{player}.{number}" for player in (3, 13, 23, 33) for number in range(OF_EACH)}
IN_THE_END = {  # how each receiver behaves, and what becomes of its messages
    "well": (to.well, "delivered"),
    "fails_first": (to.at_first(to.says("500 Oh"), UNLUCKY), "delivered"),
    "ack_lost": (to.at_first(to.resets, UNLUCKY), "delivered"),
    "slow_first": (to.at_first(to.silent, UNLUCKY), "delivered"),
    "asks_for_time": (to.at_first(to.says("429 Slow", "retry-after: 0"), UNLUCKY), "delivered"),
    "drips": (to.drips(b"HTTP/1.1 2", b"0"), "dead"),
    "away": (to.says("302 Away", "location: http://169.254.169.254/"), "dead"),
    "gone": (to.says("410 Gone"), "dead"),
}


def alerts() -> list[Outgoing]:
    """Give alerts of players, each with updates behind it."""
    ids = [(player, f"a{player}.{number}") for number in range(OF_EACH) for player in range(PLAYERS)]
    return [outgoing(message_id, f"p{player}") for player, message_id in ids]


def states(place: Place) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with reading(place.store) as db:
        for name, state, count in db.execute(
            "SELECT endpoint, state, count(*) FROM deliveries GROUP BY 1, 2"
        ):
            found[name][state] = count
    return found


def done(place: Place, messages: int) -> bool:
    if not place.store.exists():
        return False
    found = states(place)
    return len(found) == len(IN_THE_END) and all(
        of["pending"] == 0 and of.total() == messages for of in found.values()
    )


def in_parts(place: Place, messages: list[Outgoing], receiver: Receiver) -> None:
    """Send the messages part by part; kill the dispatcher at some moment after each."""
    random, size = Random(20261122), len(messages) // KILLS
    for number in range(KILLS):
        with place.dispatcher():
            before = len(receiver.asked)
            send(place.kafka, messages[number * size : (number + 1) * size])
            until(lambda before=before: len(receiver.asked) > before + 20)  # type: ignore[misc]
            time.sleep(random.uniform(0, 0.3))  # no wait for something: the moment of the kill


@pytest.mark.slow
def test_kills_lose_nothing_and_change_nothing(kafka: str, kafka_admin: AdminClient, tmp_path: Path) -> None:
    new_topic(kafka, kafka_admin)
    place, messages = Place(tmp_path, kafka), alerts()
    with receiving("", **{name: behaviour for name, (behaviour, _) in IN_THE_END.items()}) as receiver:
        place.endpoints(**{name: receiver.url(f"/{name}") for name in IN_THE_END})
        in_parts(place, messages, receiver)
        with place.dispatcher():
            until(lambda: done(place, len(messages)), 60)
    assert states(place) == {name: {end: len(messages)} for name, (_, end) in IN_THE_END.items()}
    same_each_time(receiver, {message.id: message.body for message in messages})
    in_order(receiver, messages)
    assert SECRET.removeprefix("whsec_") not in place.said
    assert len(receiver.of("/well")) <= len(messages) + KILLS * AT_ONCE


def same_each_time(receiver: Receiver, bodies: dict[str | int, str]) -> None:
    checks = Webhook(SECRET)
    for asked in receiver.asked:
        assert asked.body == bodies[asked.id].encode()
        checks.verify(asked.body, asked.headers)
    for name, (_, end) in IN_THE_END.items():
        if end == "delivered":
            assert {asked.id for asked in receiver.of(f"/{name}")} == set(bodies)


def in_order(receiver: Receiver, messages: list[Outgoing]) -> None:
    """A player's messages come in order, but for those that a kill made come again."""
    for path in ("/well", "/fails_first"):
        first = dict.fromkeys(asked.id for asked in receiver.of(path))
        for player in range(PLAYERS):
            of_player = [message.id for message in messages if message.player_id == f"p{player}"]
            assert [message_id for message_id in first if message_id in of_player] == of_player
