"""`./gamewax deadletters replay`: what is readable by now counts once, however often it is sent."""

from __future__ import annotations

import json
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

import settings
from cli.letters import Letters
from cli.letters_wanted import Wanted
from cli.replay import Replaying
from cli.replay_journal import Journal
from sinks.clickhouse_insert import block, insert
from sources.kafka_client import Log, describe
from tests.flow_fixture import LETTERS, TOPIC, World
from topics.dead_letters import DeadLetter
from verify.logs import read_back
from verify.troubled import GOOD, Sent
from windows.ledger import dead_letter_rows

pytestmark = pytest.mark.slow

REPLAY = ("-m", "cli", "deadletters", "replay")
MINUTE_MS = 60_000
BOOKS = "SELECT sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates) FROM accounting"
STATE = (
    "SELECT reason, toString(partition), offset, hex(key), hex(raw), toUnixTimestamp64Milli(first_seen), "
    "replayed_at IS NOT NULL FROM dead_letters ORDER BY partition, offset"
)


def replay(world: World, *words: str) -> list[str]:
    """Replay; what it says."""
    ended = world.run(*REPLAY, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return [line.strip() for line in ended.stdout.splitlines()]


def books(world: World) -> tuple[int, ...]:
    """Read, aggregated, late, dead, duplicates; for windows of 10 s."""
    (row,) = world.ask(f"{BOOKS} WHERE window_seconds = 10")
    return tuple(int(str(count)) for count in row)


def kafka(world: World) -> settings.Kafka:
    return settings.Kafka(bootstrap_servers=world.kafka.bootstrap_servers)


def log(world: World) -> Log:
    return describe(kafka(world), TOPIC)


def sent_by_a_clock_ahead(world: World, count: int) -> None:
    """Events half an hour ahead of their records: dead letters now, good once their time has come."""
    policy = ConfigEntry("message.timestamp.type", "CreateTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[policy])
    world.admin.incremental_alter_configs([resource])[resource].result(30)
    now_ms = time.time_ns() // 1_000_000
    producer = Producer({"bootstrap.servers": world.kafka.bootstrap_servers, "log_level": 0})
    for number in range(count):
        event = GOOD | {"timestamp": now_ms - 30 * MINUTE_MS, "player_id": f"p{number}"}
        record_ms = now_ms - 60 * MINUTE_MS
        producer.produce(TOPIC, json.dumps(event).encode(), b"k", number % 4, timestamp=record_ms)
    producer.flush(20)


def due(world: World) -> list[DeadLetter]:
    of = log(world)
    with world.client() as client:
        pages = Letters(client, world.server).due(Wanted(), of.id, TOPIC)
        return [letter.dead for page in pages for letter in page]


def test_letters_that_are_good_by_now_count_once_and_those_of_a_lost_log_stay(world: World) -> None:
    sent_by_a_clock_ahead(world, 10)
    world.send(Sent(0, None, b"{nonsense"))
    lost = DeadLetter(
        "time_future", "timestamp", "", "deadbeef", TOPIC, 0, 1, b"", b"", time.time_ns() // 10**6
    )
    with world.client() as client:
        insert(client, block(dead_letter_rows([lost])))
    world.drain()
    only = ("--reason", "time_future", "--topic", TOPIC, "--since", "1d")
    stays = (
        f"1 cannot go back into {TOPIC}: they are of log deadbeef, which Kafka does not have "
        "(topic made anew, another cluster, or a file)"
    )

    assert sorted(replay(world, *only, "--dry-run")) == [stays, f"10 to send again into {TOPIC}"]
    assert replay(world, *only)[-1] == f"10 sent again into {TOPIC} and marked as replayed"
    again = replay(world, *only)
    assert again == [stays, "10 were replayed before and were not bad again", "nothing to send"]
    world.drain()

    assert books(world) == (21, 10, 0, 11, 0)
    whole = "SELECT sum(events), sum(players) FROM engagement WHERE window_seconds = 60"
    assert world.ask(whole) == [(10, 10)]
    replayed = "SELECT countIf(replayed_at IS NOT NULL AND reason = 'time_future'), count() FROM dead_letters"
    assert world.ask(replayed) == [(10, 12)]


def test_what_a_replay_sent_before_it_died_is_not_sent_again_and_a_copy_counts_nothing(world: World) -> None:
    sent_by_a_clock_ahead(world, 10)
    world.drain()
    letters = due(world)
    with world.client() as client, Journal(kafka(world), log(world)) as journal:
        journal.begin()
        replaying = Replaying(kafka(world), log(world), client, lambda: 1)
        replaying.send(letters[:7])
        # here it dies: seven are sent, none is marked

        assert replay(world)[-1] == f"10 sent again into {TOPIC} and marked as replayed"
        assert len(read_back(world.kafka.bootstrap_servers, TOPIC)) == 20
        replaying.send(
            letters[5:]
        )  # as two people could do at the same time; the lane knows it by the headers
    world.drain()
    assert (books(world), due(world)) == ((25, 10, 0, 10, 5), [])


def test_a_letter_that_is_bad_again_is_the_same_letter(world: World) -> None:
    sent = [Sent(0, b"a", b"{nonsense"), Sent(1, b"\xff", None), Sent(2, None, b"")]
    world.send(*sent)
    world.drain()
    before = world.ask(STATE)

    assert replay(world)[-1] == f"3 sent again into {TOPIC} and marked as replayed"
    assert [row[-1] for row in world.ask(STATE)] == [1, 1, 1]
    world.drain()

    assert (world.ask(STATE), books(world)) == (before, (6, 0, 0, 6, 0))
    assert [letter.replays for letter in due(world)] == [1, 1, 1]
    found = [(of.partition, of.key, of.value) for of in read_back(world.kafka.bootstrap_servers, TOPIC)]
    assert found == [(of.partition, of.key, of.value) for of in sent for _ in range(2)]
    told = [json.loads(of.value or b"") for of in read_back(world.kafka.bootstrap_servers, LETTERS)]
    assert {(of["partition"], of["offset"]) for of in told} == {(0, 0), (1, 0), (2, 0)}
    assert sorted(of.get("replays", 0) for of in told) == [0, 0, 0, 1, 1, 1]
