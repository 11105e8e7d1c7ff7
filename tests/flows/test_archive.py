"""The archive keeps every good message of its topics, and reading them again changes nothing."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from tests.flow_fixture import LETTERS, TOPIC, World
from tests.flows.raw_truth import TRAFFIC, compared, true_rows
from verify.logs import read_back, write
from verify.troubled import Sent
from verify.true_sheets import RAW

ARCHIVE = ("-m", "cli", "run", "archive", "--drain")
SEED, MESSAGES = 20261122, 3_000
LABELS = "fraud-labels"
LABEL_ROWS = """
SELECT player_id, fraud, log, partition, offset, transaction_id, record_partition, record_offset,
    toUnixTimestamp64Milli(kafka_time), replaceAll(extra, ':', ': ')
FROM fraud_labels ORDER BY record_partition, record_offset
"""
EVERYTHING = "SELECT * FROM {} ORDER BY log, partition, offset"

pytestmark = pytest.mark.slow


def drain(world: World) -> None:
    ended = world.run(*ARCHIVE)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "")


def everything(world: World) -> list[object]:
    """All tables of the archive as they stand, also when each row came."""
    labels = world.ask("SELECT * FROM fraud_labels ORDER BY record_log, record_partition, record_offset")
    return [*(world.ask(EVERYTHING.format(view)) for view in RAW.values()), labels]


def send_labels(world: World) -> list[tuple[object, ...]]:
    """Send labels, some of them none; gives what `fraud_labels` must hold, in the order of the log."""
    sent = [
        {"player_id": f"p{n % 7}", "fraud": n % 3 == 0, "mood": n}
        | ({"transaction_id": f"t{n}"} if n % 2 else {"log": "0a1b2c3d", "partition": n % 4, "offset": n})
        for n in range(200)
    ]
    values = [b"no label" if n % 50 == 9 else json.dumps(of).encode() for n, of in enumerate(sent)]
    write(world.kafka.bootstrap_servers, LABELS, [Sent(n % 4, b"k", value) for n, value in enumerate(values)])
    found = []
    for of in read_back(world.kafka.bootstrap_servers, LABELS):
        if of.value != b"no label":
            said = json.loads(of.value or b"")
            place = (said.get("log"), said.get("partition"), said.get("offset"), said.get("transaction_id"))
            own = (of.partition, of.offset, of.arrived_ms, json.dumps({"mood": said["mood"]}))
            found.append((said["player_id"], said["fraud"], *place, *own))
    return sorted(found, key=lambda of: of[6:8])


def wrong(world: World) -> list[str]:
    """What the tables hold that the topics do not, or the other way round."""
    with world.client() as client:
        return [example for of in compared(client, world.kafka.bootstrap_servers) for example in of.examples]


def test_the_tables_hold_what_the_topics_hold_and_reading_all_again_changes_nothing(world: World) -> None:
    kafka = world.kafka.bootstrap_servers
    for topic, make in TRAFFIC.items():
        write(kafka, topic, islice(make(SEED), MESSAGES))
    labels = send_labels(world)
    drain(world)

    assert wrong(world) == []
    assert world.ask(LABEL_ROWS) == labels
    books = world.ask(
        "SELECT topic, sum(read), sum(aggregated), sum(dead), sum(late + duplicates), max(window_seconds) "
        "FROM accounting GROUP BY topic"
    )
    good = {topic: len(true_rows(kafka, topic)) for topic in TRAFFIC} | {LABELS: len(labels)}
    assert {topic: aggregated for topic, _, aggregated, *_ in books} == good
    assert [row for row in books if row[1] != int(str(row[2])) + int(str(row[3])) or row[4] or row[5]] == []

    before = everything(world)
    (world.folder / "recovery" / "archive").rename(world.folder / "gone")
    drain(world)
    assert everything(world) == before


def test_two_processes_keep_the_same_and_two_flows_leave_one_dead_letter_a_message(world: World) -> None:
    kafka = world.kafka.bootstrap_servers
    for topic, make in TRAFFIC.items():
        write(kafka, topic, islice(make(SEED), MESSAGES))
    ended = world.run("-m", "cli", "run", "engagement", "archive", "--drain", "--processes", "2")
    assert (ended.returncode, ended.stderr) == (0, "")

    assert wrong(world) == []
    query = "SELECT topic, count(), uniqExact(topic, partition, offset) FROM dead_letters GROUP BY topic"
    dead = {topic: (rows, messages) for topic, rows, messages in world.ask(query)}
    bad = {topic: MESSAGES - len(true_rows(kafka, topic)) for topic in TRAFFIC}
    assert dead == {topic: (count, count) for topic, count in bad.items()}
    assert len({of.key for of in read_back(kafka, LETTERS)}) == sum(bad.values())
    met = world.ask("SELECT flow, sum(dead) FROM accounting WHERE window_seconds < 60 GROUP BY flow")
    assert sorted(map(str, met)) == [f"('archive', {sum(bad.values())})", f"('engagement', {bad[TOPIC]})"]
