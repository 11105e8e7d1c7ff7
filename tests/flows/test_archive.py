"""The archive keeps every good message of its topics, and reading them again changes nothing."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.flow_fixture import LETTERS, TOPIC, World
from tests.flows.raw_truth import TRAFFIC, compared, true_rows
from verify.logs import read_back, write
from verify.true_sheets import RAW

ARCHIVE = ("-m", "cli", "run", "archive", "--drain")
SEED, MESSAGES = 20261122, 3_000
EVERYTHING = "SELECT * FROM {} ORDER BY log, partition, offset"

pytestmark = pytest.mark.slow


def drain(world: World) -> None:
    ended = world.run(*ARCHIVE)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "")


def everything(world: World) -> list[object]:
    """All tables of the archive as they stand, also when each row came."""
    return [world.ask(EVERYTHING.format(view)) for view in RAW.values()]


def wrong(world: World) -> list[str]:
    """What the tables hold that the topics do not, or the other way round."""
    with world.client() as client:
        return [example for of in compared(client, world.kafka.bootstrap_servers) for example in of.examples]


def test_the_tables_hold_what_the_topics_hold_and_reading_all_again_changes_nothing(world: World) -> None:
    kafka = world.kafka.bootstrap_servers
    for topic, make in TRAFFIC.items():
        write(kafka, topic, islice(make(SEED), MESSAGES))
    drain(world)

    assert wrong(world) == []
    books = world.ask(
        "SELECT topic, sum(read), sum(aggregated), sum(dead), sum(late + duplicates), max(window_seconds) "
        "FROM accounting GROUP BY topic"
    )
    good = {topic: len(true_rows(kafka, topic)) for topic in TRAFFIC}
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
