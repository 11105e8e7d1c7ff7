"""Counting anew from a time gives the truth for every window from there on, and leaves those before alone."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tests.flow_fixture import TOPIC, World
from tests.flows.timed_log import LIMITS, MINUTE_MS, send
from verify.logs import Recorded, ends, read_back
from verify.oracle import Limits, judge
from verify.troubled import POISON, START_MS
from verify.views import Views, _message, expected, shown

pytestmark = pytest.mark.slow
ASKED_MS = START_MS // MINUTE_MS * MINUTE_MS + 25 * MINUTE_MS + 7_000
FROM_MS = ASKED_MS - 7_000 + MINUTE_MS  # raised to whole windows
BEGIN_MS = FROM_MS - 5 * MINUTE_MS
WRONG = """INSERT INTO engagement_upserts (game_id, window_seconds, window_start, events, version)
SELECT game_id, window_seconds, window_start, 1000000, 140737488355328 FROM engagement
WHERE game_id = 'g2'"""


@pytest.fixture
def world(world: World) -> World:
    """The topic keeps the times that it is given."""
    send(world, 5)
    return world


def seen(world: World) -> Views:
    with world.client() as client:
        return shown(client)


def recover(world: World, at_ms: int) -> tuple[int, str]:
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
    ended = world.run("-m", "cli", "recover", "engagement", "--from", text)
    return ended.returncode, ended.stdout + ended.stderr


def pick(rows: dict[Any, Any], *, anew: bool) -> dict[Any, Any]:
    """The rows of windows that are counted anew, or the others."""
    return {key: row for key, row in rows.items() if (key[1] >= FROM_MS) == anew}


def late_anew(log: list[Recorded]) -> set[tuple[int, int, int]]:
    """Size, partition and offset of what is read again and not counted again, by the definition."""
    places = [(of, _message(of, POISON)) for of in log]
    number = {id(message.event): of for of, message in places if message.event}
    every = [message for _, message in places]
    never = judge(every, Limits(lateness_ms=10**12, dedup_offsets=500)).kept
    early = {
        (size, number[id(event)].partition, number[id(event)].offset)
        for size, events in never.items()
        for event in events
        if event["event_time"] // (size * 1000) * size * 1000 < FROM_MS
    }
    arrived = {(of.partition, of.offset): of.arrived_ms for of in log}
    return {of for of in early | judge(every, LIMITS).late if arrived[of[1:]] >= BEGIN_MS}


def test_windows_from_a_time_on_are_counted_anew_and_those_before_stay(world: World) -> None:
    world.drain()
    log = read_back(world.kafka.bootstrap_servers, TOPIC)
    true = expected(log, LIMITS, POISON)
    assert seen(world) == true
    with world.client() as client:
        client.command(WRONG)
    wrong = seen(world)
    assert wrong.whole_game != true.whole_game

    code, said = recover(world, ASKED_MS)
    assert (code, "generation 1 counts windows from" in said, "raised to whole windows" in said) == (
        0,
        True,
        True,
    ), said
    world.drain()
    check_recovered(world, log, wrong, true)
    world.drain()

    shutil.rmtree(world.folder / "recovery" / "engagement")
    world.drain()
    notes = json.loads((world.folder / "recovery" / "engagement" / "recover.json").read_bytes())
    assert (notes["generation"], notes["from_ms"]) == (1, FROM_MS)
    found = seen(world)
    assert pick(found.whole_game, anew=True) == pick(true.whole_game, anew=True)
    assert pick(found.whole_game, anew=False) == pick(wrong.whole_game, anew=False)


def check_recovered(world: World, log: list[Recorded], before: Views, true: Views) -> None:
    found = seen(world)
    for view in ("whole_game", "by_level"):
        now, was, must = (getattr(of, view) for of in (found, before, true))
        assert pick(now, anew=True) == pick(must, anew=True) != {}
        assert pick(now, anew=False) == pick(was, anew=False) != {}
    arrived = {(of.partition, of.offset): of.arrived_ms for of in log}
    kept = {of for of in true.late if arrived[of[1:]] < BEGIN_MS}
    anew = late_anew(log)
    assert set(found.late) == kept | anew
    assert {reason for reason, _ in found.late.values()} == {"beyond_lateness", "recovered"}
    again = {p: sum(of.partition == p and of.arrived_ms >= BEGIN_MS for of in log) for p in range(4)}
    for (partition, size), (_, read, aggregated, late, dead, duplicates) in found.books.items():
        assert read == aggregated + late + dead + duplicates == again[partition]
        assert late == sum(of[:2] == (size, partition) for of in anew)


def test_a_log_that_does_not_reach_back_is_refused_with_the_earliest_time(world: World) -> None:
    world.drain()
    true = seen(world)
    held = ends(world.kafka.bootstrap_servers, TOPIC)
    places = [TopicPartition(TOPIC, number, high * 2 // 3) for number, (_, high) in held.items()]
    for done in world.admin.delete_records(places).values():
        done.result(30)
    code, said = recover(world, ASKED_MS)
    earliest = re.search(r"the earliest is ./gamewax (recover engagement --from \S+)", said)
    assert (code, said.count(f"{TOPIC}/")) == (3, 4), said
    assert earliest, said
    assert seen(world) == true
    ended = world.run("-m", "cli", *earliest[1].split())
    assert (ended.returncode, "generation 1" in ended.stdout) == (0, True), ended.stderr
    world.drain()
    found = seen(world)
    assert (found.whole_game, found.by_level) == (true.whole_game, true.by_level)
